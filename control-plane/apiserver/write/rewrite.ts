// Compare-and-set of a stored object by the server itself, past strategy and validation (bindings, eviction marks).
import { deepCopy, type KubeObject, notFound } from '../../../api/meta/index.ts';
import { Conflict } from '../../store/store.ts';
import type { Core } from '../core.ts';

const TRIES_MAX = 32;

/**
 * `change` may alter its copy, throw to refuse, or return false to leave the object as it is. Answers the stored object.
 * Throws 404 when it is not there.
 */
export async function rewrite(
  core: Core,
  resource: { group: string; plural: string },
  namespace: string,
  name: string,
  change: (copy: KubeObject) => boolean | undefined,
): Promise<KubeObject> {
  let item = core.storage.get(resource, namespace, name);
  for (let tries = 1; ; tries++) {
    if (item === undefined) throw notFound(resource, name);
    const copy = deepCopy(item.object);
    if (change(copy) === false) return item.object;
    try {
      return (await core.storage.put(resource, item.local, copy, item)).object;
    } catch (error) {
      if (!(error instanceof Conflict) || tries === TRIES_MAX) throw error;
      item = await core.storage.getFresh(resource, namespace, name);
    }
  }
}
