// Which taints a node has because of its conditions, and how its present taints become those. Pure.
import type { Node, Taint } from '../../../api/gen/types/core.v1.ts';

const PREFIX = 'node.kubernetes.io/';
const NOT_READY = `${PREFIX}not-ready`;
const UNREACHABLE = `${PREFIX}unreachable`;

/** Condition type -> taint when the condition is True. */
const PRESSURES: Readonly<Record<string, string>> = {
  MemoryPressure: `${PREFIX}memory-pressure`,
  DiskPressure: `${PREFIX}disk-pressure`,
  PIDPressure: `${PREFIX}pid-pressure`,
  NetworkUnavailable: `${PREFIX}network-unavailable`,
};
const UNSCHEDULABLE = `${PREFIX}unschedulable`;
const OURS = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(PRESSURES)]);

const isOurs = ({ key, effect }: Taint): boolean =>
  OURS.has(key) && (effect === 'NoSchedule' || (effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE)));

export const readyStatusOf = (node: Node): string | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

/** `evict`: whether pods may be driven away at all; not when every node is lost, since then the fault is likely ours. */
function wantedTaints(node: Node, evict: boolean): Taint[] {
  const taints: Taint[] = [];
  const ready = readyStatusOf(node);
  const key = ready === 'False' ? NOT_READY : ready === 'Unknown' || ready === undefined ? UNREACHABLE : undefined;
  if (key !== undefined) {
    const both = [{ key, effect: 'NoSchedule' }, ...(evict && ready !== undefined ? [{ key, effect: 'NoExecute' }] : [])];
    taints.push(...(key === UNREACHABLE ? both.reverse() : both));
  }
  for (const { type, status } of node.status?.conditions ?? [])
    if (status === 'True' && PRESSURES[type]) taints.push({ key: PRESSURES[type], effect: 'NoSchedule' });
  if (node.spec?.unschedulable) taints.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  return taints;
}

/** The node's taints as they should be; undefined: they are. Taints of others are left alone. */
export function taintsFor(node: Node, evict: boolean, now: string): Taint[] | undefined {
  const before = node.spec?.taints ?? [];
  const wanted = wantedTaints(node, evict);
  const has = (list: readonly Taint[], { key, effect }: Taint) => list.some((taint) => taint.key === key && taint.effect === effect);
  // A node that has never told its state keeps what admission gave it.
  const kept = before.filter(
    (taint) => !isOurs(taint) || has(wanted, taint) || (readyStatusOf(node) === undefined && taint.key === NOT_READY),
  );
  const added = wanted.filter((taint) => !has(before, taint)).map((taint) => ({ ...taint, timeAdded: now }));
  return added.length === 0 && kept.length === before.length ? undefined : [...kept, ...added];
}
