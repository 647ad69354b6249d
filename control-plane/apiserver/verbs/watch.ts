// GET with watch=true: checks what is asked, then hands over to a watch session.
import { expired, forbiddenField, invalid, type KubeObject, notSupported, type Problem, StatusError } from '../../../api/meta/index.ts';
import { Compacted } from '../../store/store.ts';
import { WatchBody } from '../bodies.ts';
import type { Verb } from '../core.ts';
import type { ServedKind } from '../kind-table.ts';
import { isTrue } from '../requestinfo.ts';
import { selectionOf } from '../selection.ts';
import { integerParameter, revisionParameter, waitForRevision } from './versions.ts';
import { type Initial, WatchSession } from './watch-session.ts';

/** Upstream's min-request-timeout: a watch without timeoutSeconds ends after 30 to 60 minutes. */
const MIN_TIMEOUT_SECONDS = 1800;

export const watch: Verb = async (core, target, request) => {
  const { query } = request;
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const sendInitial = query.get('sendInitialEvents');
  checkOptions(query);
  const selection = selectionOf(target, query);
  const revision = revisionParameter(query.get('resourceVersion'), 'watch');
  const asked = integerParameter(query.get('timeoutSeconds'));
  const seconds = asked > 0 ? asked : MIN_TIMEOUT_SECONDS * (1 + Math.random());
  const fresh = core.storage.fresh();
  if (fresh) await fresh;
  if (isTrue(sendInitial) && revision) {
    try {
      await waitForRevision(core, revision);
    } catch (error) {
      return { status: 200, body: failed(target.served, error) };
    }
  }
  let initial: Initial;
  if (isTrue(sendInitial)) initial = { from: 'present', endBookmark: bookmarks };
  else if (!revision && sendInitial === null) initial = { from: 'present', endBookmark: false };
  else if (!revision) initial = { from: 'changes', revision: core.storage.applied, changes: [] };
  else initial = { from: 'changes', revision, changes: core.storage.cache(target.resource).since(revision) ?? [] };
  if (initial.from === 'changes' && revision && core.storage.cache(target.resource).since(revision) === undefined) {
    try {
      initial.changes = await core.storage.history(target.resource, revision);
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
      return { status: 200, body: failed(target.served, expired(`too old resource version: ${revision} (${error.oldest})`)) };
    }
    // What happened meanwhile is in the ring.
    const last = initial.changes.at(-1)?.item.revision ?? revision;
    const later = core.storage.cache(target.resource).since(last);
    if (later) initial.changes = [...initial.changes, ...later.filter((event) => event.item.revision > last)];
  }
  const session = new WatchSession(core, target.served, target.resource, selection, {
    bookmarks,
    initial,
    endsAtMs: core.clock.nowMs() + seconds * 1000,
  });
  return { status: 200, body: new WatchBody(target.served, (sink) => session.start(sink)) };
};

/** A watch whose only event says why there is none. */
function failed(served: ServedKind, error: unknown): WatchBody {
  if (!(error instanceof StatusError)) throw error;
  return new WatchBody(served, (sink) => {
    sink.event({ type: 'ERROR', object: error.toStatus() as unknown as KubeObject });
    sink.end();
    return () => {};
  });
}

function checkOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch');
  const initial = query.get('sendInitialEvents');
  const problems: Problem[] = [];
  if (initial !== null && match !== 'NotOlderThan')
    problems.push(forbiddenField('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (initial === null && match)
    problems.push(
      forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
    );
  if (match && match !== 'NotOlderThan') problems.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
  if (query.get('continue'))
    problems.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  if (problems.length) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', problems);
}
