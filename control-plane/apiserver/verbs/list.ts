// GET of a collection: a consistent snapshot, in pages when asked for.
import {
  badRequest,
  continueExpired,
  expired,
  forbiddenField,
  invalid,
  type KubeList,
  type KubeObject,
  type Problem,
} from '../../../api/meta/index.ts';
import { Slices } from '../../../kit/run/index.ts';
import { Compacted } from '../../store/store.ts';
import { ListBody } from '../bodies.ts';
import { type Core, objectOfRow, shownRows, type Target, type Verb } from '../core.ts';
import { type Selection, selectionOf } from '../selection.ts';
import type { Item } from '../storage/item.ts';
import { type Continue, decodeContinue, encodeContinue } from './continue.ts';
import { integerParameter, revisionParameter, waitForRevision } from './versions.ts';

export const list: Verb = async (core, target, request) => {
  const selection = selectionOf(target, request.query);
  return { status: 200, body: await listObjects(core, target, selection, request.query) };
};

async function listObjects(core: Core, target: Target, selection: Selection, query: URLSearchParams): Promise<ListBody> {
  checkOptions(query);
  const token = query.get('continue');
  const asked = revisionParameter(query.get('resourceVersion'));
  const wanted = integerParameter(query.get('limit'));
  integerParameter(query.get('timeoutSeconds')); // a list has no use for it, yet it must be a number
  const limit = asked === 0 ? 0 : wanted; // any cached state: all of it at once, as upstream's cache answers
  let from: Continue | undefined;
  let exact: number | undefined;
  if (token) {
    from = continueOf(token, selection.prefix);
    if (asked) throw badRequest('specifying resource version is not allowed when using continue');
    if (from.revision > 0) exact = from.revision;
  } else if (isExact(query.get('resourceVersionMatch'), asked, limit)) exact = asked;

  if (exact !== undefined || asked) await waitForRevision(core, exact ?? asked!);
  else {
    const fresh = core.storage.fresh();
    if (fresh) await fresh;
  }
  const { items, revision } = await snapshot(core, target, selection, from, exact);
  return await page(target, selection, items, revision, limit);
}

/** Pages of a list that names a version without saying how it is meant are of exactly that version: so it was before the match came. */
const isExact = (match: string | null, asked: number | undefined, limit: number): boolean =>
  match === 'Exact' || (!match && limit > 0 && asked !== undefined && asked > 0);

/** All items after the token's key, in order, before selection. */
async function snapshot(
  core: Core,
  target: Target,
  selection: Selection,
  from: Continue | undefined,
  exact: number | undefined,
): Promise<{ items: readonly Item[]; revision: number }> {
  const cache = core.storage.cache(target.resource);
  if (exact === undefined || cache.changed <= exact) {
    const revision = exact ?? core.storage.applied;
    if (selection.name !== undefined && (selection.prefix !== '' || !target.kind.namespaced)) {
      const item = cache.get(selection.prefix + selection.name);
      return { items: item ? [item] : [], revision };
    }
    return { items: cache.range(selection.prefix, from?.after), revision };
  }
  try {
    const { items } = await core.storage.listAt(target.resource, exact, selection.prefix, from?.after, undefined);
    return { items, revision: exact };
  } catch (error) {
    if (!(error instanceof Compacted)) throw error;
    if (from) throw continueExpired(encodeContinue({ revision: -1, after: from.after.slice(selection.prefix.length) }));
    throw expired('The resourceVersion for the provided list is too old.');
  }
}

async function page(target: Target, selection: Selection, items: readonly Item[], revision: number, limit: number): Promise<ListBody> {
  const rows = await shownRows(target.served, items);
  const found: (Item | KubeObject)[] = [];
  const slices = new Slices();
  const metadata: KubeList['metadata'] = { resourceVersion: String(revision) };
  for (let at = 0; at < items.length; at++) {
    if (!selection.all) {
      if (!selection.mayBe(items[at]!.local)) continue;
      if (slices.over) await slices.next();
      if (!selection.matches(objectOfRow(target.served, rows[at]!))) continue;
    }
    if (limit > 0 && found.length === limit) {
      metadata.continue = encodeContinue({ revision, after: items[at - 1]!.local.slice(selection.prefix.length) });
      if (selection.all) metadata.remainingItemCount = items.length - at;
      break;
    }
    found.push(rows[at]!);
  }
  return new ListBody(target.served, metadata, found);
}

/** The key in a token is relative to the namespace that is listed. */
function continueOf(token: string, prefix: string): Continue {
  const { revision, after } = decodeContinue(token);
  return { revision, after: prefix + after };
}

/** What ListOptions may not say together; throws 422. */
function checkOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch');
  const problems: Problem[] = [];
  if (query.get('sendInitialEvents')) problems.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (match) {
    const version = query.get('resourceVersion') ?? '';
    if (version === '')
      problems.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (query.get('continue'))
      problems.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      problems.push({
        field: 'resourceVersionMatch',
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: "${match}": supported values: "Exact", "NotOlderThan", ""`,
      });
    if (match === 'Exact' && version === '0')
      problems.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (problems.length) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', problems);
}
