// One object in another of the versions it is served in: through the stored form, or by its definition's webhook.
import { schemaOf } from '../../api/gen/index.ts';
import type { Kind } from '../../api/kinds/index.ts';
import { apiVersionOf, deepCopy, type GroupVersionKind, type KubeObject } from '../../api/meta/index.ts';
import { checkObject } from '../../api/wire/index.ts';
import { checkCustom } from './crd/body.ts';
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

/** What admission made, as the decoder would let it in: unknown fields are dropped. Throws StatusError when it does not fit its kind. */
export function shapedObject(kinds: KindTable, object: KubeObject, wanted: GroupVersionKind): KubeObject {
  const served = kinds.byKind(wanted.group, wanted.version, wanted.kind);
  if (served?.custom) return checkCustom(served, { object: object as Record<string, unknown>, format: 'json' }, 'Ignore').object;
  const schema = schemaOf(wanted);
  const body = { object: object as Record<string, unknown>, format: 'json' as const };
  const { object: checked } = checkObject(body, wanted, { fieldValidation: 'Ignore', ...(schema ? { schema } : {}) });
  checked.metadata ??= {};
  return checked;
}
