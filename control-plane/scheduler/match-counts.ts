// How many pods of a node match a selector: counted once, then kept up as pods come and go, so that spreading stays cheap.
import type { Selector } from '../../api/meta/index.ts';
import { BoundedMap } from '../../kit/run/index.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Selectors that are kept counted; those asked for longest ago go first. */
const COUNTED_MAX = 500;

interface Counted {
  namespaces: readonly string[];
  selector: Selector;
  terminating: boolean;
  byNode: Map<string, number>;
}

export class MatchCounts {
  readonly #counted = new BoundedMap<string, Counted>(COUNTED_MAX);

  /** Matching pods by node name; nodes without any are absent. `terminating`: whether pods that are being deleted count. */
  of(namespaces: readonly string[], selector: Selector, terminating: boolean, nodes: Iterable<NodeInfo>): ReadonlyMap<string, number> {
    const key = `${namespaces.join(',')}|${selector.toString()}|${selector.empty}|${terminating}`;
    let counted = this.#counted.get(key);
    if (!counted) {
      counted = { namespaces, selector, terminating, byNode: new Map() };
      for (const node of nodes) for (const pod of node.pods.values()) count(counted, pod, node.name, 1);
    }
    this.#counted.set(key, counted);
    return counted.byNode;
  }

  changed(pod: PodInfo, node: string, sign: 1 | -1): void {
    for (const counted of this.#counted.values()) count(counted, pod, node, sign);
  }
}

function count(counted: Counted, pod: PodInfo, node: string, sign: 1 | -1): void {
  if (
    (pod.pod.metadata.deletionTimestamp && !counted.terminating) ||
    !counted.namespaces.includes(pod.namespace) ||
    !counted.selector.matches(pod.labels)
  )
    return;
  const now = (counted.byNode.get(node) ?? 0) + sign;
  if (now === 0) counted.byNode.delete(node);
  else counted.byNode.set(node, now);
}
