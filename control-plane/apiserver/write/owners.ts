// Who owns the fields of what is written, also where others named them in another version of the kind.
import { apiVersionOf, type KubeObject, parseApiVersion } from '../../../api/meta/index.ts';
import { type Convert, trackUpdate } from '../../../api/patch/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { convertObject, shapedObject } from '../convert.ts';
import type { Core, Target } from '../core.ts';
import type { ServedKind } from '../kind-table.ts';
import type { WriteOptions } from './options.ts';

const isSameResource = ({ resource }: ServedKind, { group, plural }: Target['resource']): boolean =>
  resource.group === group && resource.plural === plural;

/** The target's object in the other versions in which it is served. */
export const otherVersions =
  ({ kinds }: Core, { kind, resource }: Target): Convert =>
  async (object, apiVersion) => {
    const servedAs = (text: string): ServedKind | undefined => {
      const { group, version } = parseApiVersion(text);
      const served = kinds.byKind(group, version, kind.kind);
      return served && isSameResource(served, resource) ? served : undefined;
    };
    const from = servedAs(object.apiVersion ?? '');
    const to = servedAs(apiVersion);
    if (from === undefined || to === undefined) return undefined;
    const converted = await convertObject(kinds, object, from.kind, to.kind);
    return { object: shapedObject(kinds, converted, to.kind), schema: to.schema };
  };

/** Notes in the object who wrote it. When others' versions cannot be made (a webhook is away), the write goes on and owners stay as they were. */
export async function track(
  core: Core,
  target: Target,
  object: KubeObject,
  old: KubeObject | undefined,
  options: WriteOptions,
): Promise<void> {
  const entries = await trackUpdate({
    old,
    new: object,
    manager: options.manager,
    ...(old ? { subresource: target.subresource } : {}),
    apiVersion: apiVersionOf(target.kind),
    schema: target.schema,
    convert: otherVersions(core, target),
    now: rfc3339(core.clock.nowMs()),
  }).catch((err: unknown) => {
    core.log.warn({ err, name: target.name }, 'owners of fields are left as they were');
    return old?.metadata.managedFields;
  });
  if (entries) object.metadata.managedFields = [...entries];
  else delete object.metadata.managedFields;
}
