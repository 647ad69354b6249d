// Who ends when, while the node goes down. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { isFinished } from '../../kit/pods/index.ts';
import type { PriorityGrace } from './settings.ts';

export interface Group {
  /** How long the next group waits for this one at most. */
  seconds: number;
  pods: { pod: Pod; graceSeconds: number }[];
}

/** Groups with pods, the least important first. Pods below the first priority belong to it. `graces`: rising, at least one. */
export function shutdownPlan(graces: readonly PriorityGrace[], pods: readonly Pod[]): Group[] {
  const groups = graces.map(({ seconds }): Group => ({ seconds, pods: [] }));
  for (const pod of pods) {
    if (isFinished(pod)) continue;
    const at = graces.findLastIndex(({ priority }) => priority <= (pod.spec?.priority ?? 0));
    const group = groups[Math.max(0, at)];
    // A pod that needs less than its group has is not given more.
    group?.pods.push({ pod, graceSeconds: Math.min(group.seconds, pod.spec?.terminationGracePeriodSeconds ?? group.seconds) });
  }
  return groups.filter(({ pods: some }) => some.length > 0);
}
