// Which pods the disruption budgets would not let go, for preemption (which breaks them only when it must).
import type { PodDisruptionBudget } from '../../api/gen/types/policy.v1.ts';
import { selectorFrom } from '../../api/meta/index.ts';
import type { Informer } from '../../kit/client/index.ts';
import type { PodInfo } from './pod-info.ts';
import type { ForbiddenBy } from './preemption.ts';

export const forbiddenByBudgets =
  (budgets: Informer<PodDisruptionBudget>): ForbiddenBy =>
  (pods) => {
    const forbidden = new Set<PodInfo>();
    for (const budget of budgets.list()) {
      const selector = selectorFrom(budget.spec?.selector);
      let allowed = budget.status?.disruptionsAllowed ?? 0;
      for (const pod of pods) {
        if (pod.namespace !== budget.metadata.namespace || selector.empty || !selector.matches(pod.labels)) continue;
        if (budget.status?.disruptedPods?.[pod.name] === undefined && --allowed < 0) forbidden.add(pod);
      }
    }
    return forbidden;
  };
