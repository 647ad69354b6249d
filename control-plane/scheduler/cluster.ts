// The scheduler's picture of the cluster: nodes with their pods, including pods that were decided but are not bound yet.
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { Selector } from '../../api/meta/index.ts';
import { MatchCounts } from './match-counts.ts';
import { NodeInfo } from './node-info.ts';
import { type PodInfo, podInfoOf } from './pod-info.ts';
import type { VolumeDemand } from './volumes.ts';

/** Looks into other caches, for the filters and scores that need them. */
export interface Surroundings {
  namespacesMatching(selector: Selector): readonly string[];
  /** Selectors of the Services and the controller that a pod belongs to; undefined: none. */
  ownSelector(pod: PodInfo): Selector | undefined;
  /** Why the pod's claims forbid any node, or what they demand of a node. */
  volumes(pod: PodInfo): VolumeDemand | undefined;
  /** Keys of the pod's claims that one pod at a time may use. */
  exclusiveClaims(pod: PodInfo): readonly string[];
  /** Whether a node would have more volumes than it can; undefined: the pod brings none. */
  tooManyVolumes(pod: PodInfo): ((node: NodeInfo) => boolean) | undefined;
}

export class Cluster {
  /** Nodes that exist, in the order in which they came. */
  readonly nodes = new Map<string, NodeInfo>();
  readonly surroundings: Surroundings;
  /** Pods with required anti-affinity or any affinity preference: few, and asked for each pod. */
  readonly antiAffine = new Map<string, { pod: PodInfo; node: string }>();
  readonly affine = new Map<string, { pod: PodInfo; node: string }>();
  /** Also nodes that are not there (any more) but have pods. */
  readonly #all = new Map<string, NodeInfo>();
  readonly #nodeOf = new Map<string, string>();
  readonly #counts = new MatchCounts();
  /** How many pods with a node use a claim, by its key. */
  readonly #claimUsers = new Map<string, number>();

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
  }

  setNode(node: Node): void {
    const info = this.#info(node.metadata.name ?? '');
    info.setNode(node);
    this.nodes.set(info.name, info);
  }

  removeNode(name: string): void {
    this.nodes.delete(name);
    const info = this.#all.get(name);
    info?.setNode(undefined);
    if (info?.pods.size === 0) this.#all.delete(name);
  }

  /** A pod that has a node, or is assumed to be there. A pod that is known already is replaced. */
  setPod(pod: Pod, node: string): void {
    this.addPod(podInfoOf(pod), node);
  }

  addPod(pod: PodInfo, node: string): void {
    this.removePod(pod.uid);
    this.#info(node).add(pod);
    this.#nodeOf.set(pod.uid, node);
    this.#counts.changed(pod, node, 1);
    this.#countClaims(pod, 1);
    if (pod.antiAffinity.length > 0) this.antiAffine.set(pod.uid, { pod, node });
    if (pod.affinity.length + pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0) this.affine.set(pod.uid, { pod, node });
  }

  removePod(uid: string): void {
    const node = this.#nodeOf.get(uid);
    const info = node === undefined ? undefined : this.#all.get(node);
    const pod = info?.remove(uid);
    if (node === undefined || !info || !pod) return;
    this.#nodeOf.delete(uid);
    this.antiAffine.delete(uid);
    this.affine.delete(uid);
    this.#counts.changed(pod, node, -1);
    this.#countClaims(pod, -1);
    if (info.pods.size === 0 && !info.node) this.#all.delete(node);
  }

  isClaimUsed(key: string): boolean {
    return this.#claimUsers.has(key);
  }

  #countClaims({ claims, namespace }: PodInfo, sign: 1 | -1): void {
    for (const name of new Set(claims)) {
      const key = `${namespace}/${name}`;
      const users = (this.#claimUsers.get(key) ?? 0) + sign;
      if (users > 0) this.#claimUsers.set(key, users);
      else this.#claimUsers.delete(key);
    }
  }

  /** The node where a pod is, or is assumed to be. */
  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }

  /** Matching pods by node name. Spreading looks away from pods that are being deleted, affinity does not. */
  matching(namespaces: readonly string[], selector: Selector, terminating: boolean): ReadonlyMap<string, number> {
    return this.#counts.of(namespaces, selector, terminating, this.#all.values());
  }

  #info(name: string): NodeInfo {
    let info = this.#all.get(name);
    if (!info) this.#all.set(name, (info = new NodeInfo(name)));
    return info;
  }
}
