// What the scheduler needs of a node: what it offers, what is taken, and the pods on it.
import type { Node } from '../../api/gen/types/core.v1.ts';
import { type HostPort, portsConflict } from '../../kit/placement/index.ts';
import { amountsOf, type PodInfo } from './pod-info.ts';

export class NodeInfo {
  readonly name: string;
  node: Node | undefined;
  allocatable: Record<string, number> = {};
  readonly requested: Record<string, number> = {};
  scoredCpuMilli = 0;
  scoredMemoryBytes = 0;
  readonly pods = new Map<string, PodInfo>();
  readonly #ports: HostPort[] = [];
  imageBytes = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.node?.metadata.labels ?? {};
  }

  /** Undefined: the node is gone, its pods are still known. */
  setNode(node: Node | undefined): void {
    this.node = node;
    this.allocatable = amountsOf(node?.status?.allocatable ?? node?.status?.capacity);
    this.imageBytes = new Map(
      (node?.status?.images ?? []).flatMap((image) => (image.names ?? []).map((name) => [name, image.sizeBytes ?? 0])),
    );
  }

  add(pod: PodInfo): void {
    if (this.pods.has(pod.uid)) return;
    this.pods.set(pod.uid, pod);
    this.#count(pod, 1);
    this.#ports.push(...pod.hostPorts);
  }

  remove(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid);
    if (!pod) return undefined;
    this.pods.delete(uid);
    this.#count(pod, -1);
    for (const port of pod.hostPorts) {
      const at = this.#ports.findIndex((p) => p.ip === port.ip && p.protocol === port.protocol && p.port === port.port);
      if (at >= 0) this.#ports.splice(at, 1);
    }
    return pod;
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    for (const name in pod.requests) this.requested[name] = (this.requested[name] ?? 0) + sign * (pod.requests[name] as number);
    this.scoredCpuMilli += sign * pod.scored.cpuMilli;
    this.scoredMemoryBytes += sign * pod.scored.memoryBytes;
  }

  portTaken(wanted: HostPort): boolean {
    return this.#ports.some((taken) => portsConflict(taken, wanted));
  }
}
