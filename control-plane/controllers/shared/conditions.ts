// Conditions of a status: the transition time moves only when the status value does.

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export const findCondition = <C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((condition) => condition.type === type);

export const withoutCondition = <C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C[] =>
  (conditions ?? []).filter((condition) => condition.type !== type);

/** Replaces the condition of that type, at the end of the list; nothing changes when status and reason are the same. */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, next: C): C[] {
  const before = findCondition(conditions, next.type);
  if (before && before.status === next.status && before.reason === next.reason) return [...(conditions ?? [])];
  const kept: C = before && before.status === next.status ? { ...next, lastTransitionTime: before.lastTransitionTime } : next;
  return [...withoutCondition(conditions, next.type), kept];
}
