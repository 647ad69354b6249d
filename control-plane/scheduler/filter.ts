// The form of a filter, and what it says of a node that it refuses.
import type { Cluster } from './cluster.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** What can make a refused pod fit: it is tried again when one of these happens. */
export type Help = 'node' | 'pod-gone' | 'pod-new' | 'volume';

export interface Refusal {
  /** Each is counted in the message on its own. */
  reasons: readonly string[];
  /** Whether taking pods off this node could help. */
  resolvable: boolean;
}

/** Of one pod; returns undefined when the node will do. */
export type Check = (node: NodeInfo) => Refusal | undefined;

export interface Filter {
  readonly name: string;
  readonly helpedBy: readonly Help[];
  /** Undefined: the pod asks for nothing that this filter looks at. */
  prepare(pod: PodInfo, cluster: Cluster): Check | undefined;
}

export const hopeless = (reason: string): Refusal => ({ reasons: [reason], resolvable: false });
export const busy = (reason: string): Refusal => ({ reasons: [reason], resolvable: true });
