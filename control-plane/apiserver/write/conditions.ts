// Conditions in a status: set one, with its transition time changed only when its status changes.
import type { KubeObject } from '../../../api/meta/index.ts';

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastProbeTime?: string | null;
  lastTransitionTime?: string | null;
}

/** `now` is RFC 3339. Pods' conditions carry a lastProbeTime of null. */
export function setPodCondition(pod: KubeObject, condition: Condition, now: string): void {
  const status = (pod['status'] ??= {});
  const conditions = (status.conditions ??= []) as Condition[];
  const present = conditions.find((one) => one.type === condition.type);
  const next = {
    lastProbeTime: null,
    ...condition,
    lastTransitionTime: present?.status === condition.status ? (present.lastTransitionTime ?? null) : now,
  };
  if (present) conditions[conditions.indexOf(present)] = next;
  else conditions.push(next);
}
