// Which pods go first when there are too many (upstream's ActivePodsWithRanks).
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { isReady } from '../../../kit/pods/index.ts';
import { readySinceMs, restartsOf } from './pods.ts';

export interface RankedPod {
  pod: Pod;
  /** How many related pods share its node: the more, the sooner it goes. */
  neighbours: number;
}

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '';
  return /^[-+]?(0|[1-9][0-9]*)$/.test(text) ? Number(text) : 0;
}

const createdMs = (pod: Pod): number => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;

/** Ages are compared by their order of magnitude, so that not always the newest goes (LogarithmicScaleDown). Absent is newest. */
function byAge(a: number, b: number, nowMs: number, aPod: Pod, bPod: Pod): number {
  if (a === b) return 0;
  if (a === 0 || b === 0) return a === 0 ? -1 : 1;
  const rank = (ms: number) => Math.floor(Math.log2(Math.max(1, (nowMs - ms) * 1e6)));
  const difference = rank(a) - rank(b);
  if (difference !== 0) return difference;
  return (aPod.metadata.uid ?? '') < (bPod.metadata.uid ?? '') ? -1 : 1;
}

/** Negative: `a` goes before `b`. */
export function compareForDeletion(a: RankedPod, b: RankedPod, nowMs: number): number {
  const [x, y] = [a.pod, b.pod];
  const phase = (pod: Pod) => PHASES[pod.status?.phase ?? ''] ?? 2;
  const differences = [
    Number(!!x.spec?.nodeName) - Number(!!y.spec?.nodeName),
    phase(x) - phase(y),
    Number(isReady(x)) - Number(isReady(y)),
    deletionCost(x) - deletionCost(y),
    b.neighbours - a.neighbours,
  ];
  const first = differences.find((difference) => difference !== 0);
  if (first !== undefined) return first;
  if (isReady(x)) {
    const ready = byAge(readySinceMs(x) ?? 0, readySinceMs(y) ?? 0, nowMs, x, y);
    if (ready !== 0) return ready;
  }
  return restartsOf(y) - restartsOf(x) || byAge(createdMs(x), createdMs(y), nowMs, x, y);
}
