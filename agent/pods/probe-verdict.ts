// What a row of probe results means: thresholds counted, pure.
import type { Probe } from '../../api/gen/types/core.v1.ts';

export interface ProbeCount {
  /** What holds now. */
  ok: boolean;
  /** Result of the last probe, and how often in a row. */
  last: boolean | undefined;
  row: number;
}

/** Readiness and startup begin as failed, liveness as ok. */
export const firstCount = (kind: ProbeKind): ProbeCount => ({ ok: kind === 'liveness', last: undefined, row: 0 });

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

/** One more result. `tripped`: a threshold was just reached or still is, in the direction of `result`. */
export function counted(count: ProbeCount, result: boolean, probe: Probe): ProbeCount & { tripped: boolean } {
  const row = count.last === result ? count.row + 1 : 1;
  const threshold = result ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  const tripped = row >= threshold;
  return { ok: tripped ? result : count.ok, last: result, row, tripped };
}
