// resourceVersion in queries: what a reader asks for, and waiting until this server has it.
import { badRequest, futureResourceVersion, goQuote, StatusError } from '../../../api/meta/index.ts';
import { systemClock } from '../../../kit/run/index.ts';
import type { Core } from '../core.ts';

/** How long a read waits for a revision that is not here yet (upstream: 3 s). */
const FUTURE_WAIT_MS = 3_000;

const int64 = (text: string): boolean => BigInt.asIntN(64, BigInt(text)) === BigInt(text);

/** 0 when absent. Throws 400. */
export function integerParameter(text: string | null): number {
  if (text === null || text === '') return 0;
  if (!/^[-+]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  if (!int64(text.replace('+', ''))) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`);
  return Number(text);
}

/** undefined when absent. Throws what upstream answers to a list (400), a get or a watch (500) when it is no number. */
export function revisionParameter(text: string | null, verb: 'get' | 'watch' | 'list' = 'list'): number | undefined {
  if (text === null || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const why = `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`;
  throw verb === 'list' ? badRequest(`invalid resource version: ${why}`) : new StatusError(500, '', why);
}

/** Throws 504 when the revision does not come soon. */
export async function waitForRevision(core: Core, revision: number): Promise<void> {
  const late = new AbortController();
  const reached = core.storage.reached(revision, late.signal);
  if (reached === undefined) return;
  await core.storage.fresh();
  const inTime = new AbortController();
  void systemClock.sleep(FUTURE_WAIT_MS, inTime.signal).then(
    () => late.abort(),
    () => {},
  );
  await reached;
  inTime.abort();
  if (core.storage.applied < revision) throw futureResourceVersion(String(revision), String(core.storage.applied));
}
