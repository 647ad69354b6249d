// GET of one object.
import { notFound } from '../../../api/meta/index.ts';
import { type Core, shownOf, type Target, type Verb } from '../core.ts';
import type { Item } from '../storage/item.ts';
import { revisionParameter, waitForRevision } from './versions.ts';

export const get: Verb = async (core, target, request) => {
  const revision = revisionParameter(request.query.get('resourceVersion'), 'get');
  if (revision === undefined) {
    const fresh = core.storage.fresh();
    if (fresh) await fresh;
  } else await waitForRevision(core, revision);
  return { status: 200, body: await shownOf(target.served, present(core, target)) };
};

/** The cached item that the request names; throws 404. */
export function present(core: Core, target: Target): Item {
  const item = core.storage.get(target.resource, target.namespace, target.name);
  if (item === undefined) throw notFound(target.kind, target.name);
  return item;
}
