// resourceVersion in queries: what a reader asks for, and waiting until this server has it.
import { badRequest, futureResourceVersion, internalError } from '../../../api/meta/index.ts';
import { systemClock } from '../../../kit/run/index.ts';
import type { Core } from '../core.ts';

/** How long a read waits for a revision that is not here yet (upstream: 3 s). */
const FUTURE_WAIT_MS = 3_000;

/** undefined when absent; throws 400 when it is no number. */
export function revisionParameter(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw badRequest(`invalid resource version "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
  return Number(text);
}

/** Throws 504 when the revision does not come soon. */
export async function waitForRevision(core: Core, revision: number): Promise<void> {
  const reached = core.storage.reached(revision);
  if (reached === undefined) return;
  await core.storage.fresh();
  await Promise.race([reached, systemClock.sleep(FUTURE_WAIT_MS)]);
  if (core.storage.applied < revision) throw futureResourceVersion(String(revision), String(core.storage.applied));
}

export const badResourceVersion = (text: string) => internalError(`strconv.ParseUint: parsing "${text}": invalid syntax`);
