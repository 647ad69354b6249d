// Whether a node still lives, by its Lease and its own heartbeats, and what its conditions become when it does not. Pure.
import type { Lease } from '../../../api/gen/types/coordination.v1.ts';
import type { Node, NodeCondition } from '../../../api/gen/types/core.v1.ts';
import { rfc3339 } from '../../../kit/run/index.ts';

/** How long nothing may be heard (upstream's node-monitor-grace-period), and how long a new node may take to tell its state. */
const GRACE_MS = 50_000;
const STARTUP_GRACE_MS = 60_000;

/** What was last heard, and when by our own clock: clocks of nodes are not trusted. */
export interface Heard {
  heartbeat: string;
  renewal: string;
  atMs: number;
}

const readyOf = (node: Node): NodeCondition | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready');

export function hear(before: Heard | undefined, node: Node, lease: Lease | undefined, nowMs: number): Heard {
  const heartbeat = readyOf(node)?.lastHeartbeatTime ?? '';
  const renewal = lease?.spec?.renewTime ?? '';
  if (before && before.heartbeat === heartbeat && before.renewal === renewal) return before;
  const created = Date.parse(node.metadata.creationTimestamp ?? '') || nowMs;
  // A node that has told nothing yet is measured from its creation.
  return { heartbeat, renewal, atMs: before || heartbeat !== '' || renewal !== '' ? nowMs : Math.min(created, nowMs) };
}

/** Milliseconds until the node counts as lost; 0 or less: it does. */
export const lostInMs = (node: Node, heard: Heard, nowMs: number): number =>
  heard.atMs + (readyOf(node) ? GRACE_MS : STARTUP_GRACE_MS) - nowMs;

/** The conditions of a node from which nothing is heard. */
export function lostConditions(node: Node, nowMs: number): NodeCondition[] {
  const conditions = [...(node.status?.conditions ?? [])];
  for (const type of ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const before = conditions[at];
    if (!before) {
      const heartbeat = node.metadata.creationTimestamp ?? rfc3339(nowMs);
      const told = { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' };
      conditions.push({ type, status: 'Unknown', ...told, lastHeartbeatTime: heartbeat, lastTransitionTime: rfc3339(nowMs) });
    } else if (before.status !== 'Unknown') {
      const told = { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
      conditions[at] = { ...before, status: 'Unknown', ...told, lastTransitionTime: rfc3339(nowMs) };
    }
  }
  return conditions;
}
