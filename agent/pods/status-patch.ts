// The difference of two statuses as a strategic merge patch of what this node owns: conditions of others stay theirs. Pure.
import type { PodCondition, PodStatus } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';
import { PASSING } from './conditions.ts';

/** Undefined: nothing to write. */
export function statusPatch(before: PodStatus, after: PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys({ ...before, ...after }) as (keyof PodStatus)[]) {
    if (key === 'conditions' || deepEqual(before[key], after[key])) continue;
    const value = after[key];
    if (value === undefined) patch[key] = null;
    // Lists merged by address: without this an old address would stay.
    else if (key === 'podIPs' || key === 'hostIPs') patch[key] = [...(value as object[]), ...(before[key] ? [{ $patch: 'replace' }] : [])];
    else patch[key] = value;
  }
  const changed = (after.conditions ?? []).filter((condition) => !sameCondition(condition, before.conditions));
  const gone = (before.conditions ?? []).filter(
    ({ type }) => PASSING.includes(type) && !after.conditions?.some((condition) => condition.type === type),
  );
  if (after.conditions && changed.length + gone.length > 0) {
    patch['conditions'] = [
      ...changed.map((condition) => withoutOld(condition, before.conditions)),
      ...gone.map(({ type }) => ({ $patch: 'delete', type })),
    ];
    patch['$setElementOrder/conditions'] = (after.conditions ?? []).map(({ type }) => ({ type }));
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Conditions are merged by type: what the old one had and the new one has not must be taken away by name. */
function withoutOld(condition: PodCondition, others: readonly PodCondition[] | undefined): Record<string, unknown> {
  const old = others?.find(({ type }) => type === condition.type) ?? {};
  return { ...Object.fromEntries(Object.keys(old).map((key) => [key, null])), ...condition };
}

function sameCondition(condition: PodCondition, others: readonly PodCondition[] | undefined): boolean {
  const other = others?.find(({ type }) => type === condition.type);
  return other !== undefined && deepEqual({ ...other, lastProbeTime: null }, { ...condition, lastProbeTime: null });
}
