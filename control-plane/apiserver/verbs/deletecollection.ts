// DELETE of a collection: each selected object through its own deletion.
import { isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { Slices } from '../../../kit/run/index.ts';
import { ListBody } from '../bodies.ts';
import { objectOfRow, shownRows, type Verb } from '../core.ts';
import { selectionOf } from '../selection.ts';
import type { Item } from '../storage/item.ts';
import { deleteOptions } from '../write/delete-options.ts';
import { deleteItem } from '../write/deletion.ts';

/** Deletions that run at once; upstream's workers. */
const PARALLEL = 8;

export const deleteCollection: Verb = async (core, target, request) => {
  const options = await deleteOptions(request);
  const selection = selectionOf(target, request.query);
  const fresh = core.storage.fresh();
  if (fresh) await fresh;
  const all = core.storage.cache(target.resource).range(selection.prefix, undefined);
  const rows = await shownRows(target.served, all);
  const chosen: Item[] = [];
  const results: (Item | KubeObject)[] = [];
  const slices = new Slices();
  for (const [at, row] of rows.entries()) {
    if (slices.over) await slices.next();
    if (!selection.all && !selection.matches(objectOfRow(target.served, row))) continue;
    chosen.push(all[at]!);
    results.push(row);
  }
  let next = 0;
  const worker = async () => {
    while (next < chosen.length) {
      const at = next++;
      const item = chosen[at]!;
      const one = { ...target, name: item.object.metadata.name! };
      try {
        results[at] = (await deleteItem(core, one, request, item, options)).object;
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, chosen.length) }, worker));
  return { status: 200, body: new ListBody(target.served, { resourceVersion: String(core.storage.applied) }, results) };
};
