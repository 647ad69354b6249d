// When a pod must leave a node because of its NoExecute taints. Pure.
import type { Taint, Toleration } from '../../../api/gen/types/core.v1.ts';
import { tolerates } from '../../../kit/placement/index.ts';

/** Seconds that the pod may stay with these taints: 0 must go now, undefined may stay. The shortest toleration counts. */
export function staySeconds(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  const noExecute = taints.filter(({ effect }) => effect === 'NoExecute');
  let least: number | undefined;
  for (const taint of noExecute) {
    const matching = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    for (const { tolerationSeconds } of matching)
      if (tolerationSeconds !== undefined) least = Math.min(least ?? Number.POSITIVE_INFINITY, Math.max(0, Number(tolerationSeconds)));
  }
  return least;
}

/** Since when the taints are there, in milliseconds; those without a time count from `nowMs`. */
export const taintedSinceMs = (taints: readonly Taint[], nowMs: number): number =>
  Math.min(
    nowMs,
    ...taints
      .filter(({ effect, timeAdded }) => effect === 'NoExecute' && timeAdded)
      .map(({ timeAdded }) => Date.parse(timeAdded as string)),
  );
