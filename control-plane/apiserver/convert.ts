// One object in another of the versions it is served in: through the stored form, or by its definition's webhook.
import type { Kind } from '../../api/kinds/index.ts';
import { apiVersionOf, deepCopy, type KubeObject } from '../../api/meta/index.ts';
import type { KindTable } from './kind-table.ts';

/** A copy. Throws when a webhook cannot convert it. */
export async function convertObject(kinds: KindTable, object: KubeObject, from: Kind, to: Kind): Promise<KubeObject> {
  const copy = deepCopy(object);
  const apiVersion = apiVersionOf(to);
  const { customPart } = kinds.find(to.group, to.version, to.plural) ?? {};
  if (customPart) {
    const [converted] = customPart.convert ? await customPart.convert([copy], apiVersion) : [copy];
    return { ...converted!, apiVersion };
  }
  const stored = from.storage ? from.storage.toStored(copy) : copy;
  return to.storage ? to.storage.fromStored(stored) : { ...stored, apiVersion, kind: to.kind };
}
