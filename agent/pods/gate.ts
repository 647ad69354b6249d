// Whether a pod that is new here may run: what the node refuses for its own sake, devices for its containers, then room and place.
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, type Informer, RESOURCES } from '../../kit/client/index.ts';
import type { Devices } from '../devices/index.ts';
import { AFFINITY, impossible, misfit, type Refusal } from './admission.ts';
import { hasAppArmor } from './app-armor.ts';

type NodeObject = Node & KubeObject;

export interface GateOptions {
  client: Client;
  nodeName: string;
  nodes: Informer<NodeObject>;
  devices: Devices;
  allocatable: Readonly<Record<string, string>>;
  /** Why this node takes no such pod now; undefined: it does. */
  refusal?(pod: Pod): Refusal | undefined;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #hasAppArmor = hasAppArmor();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * At once, unless somebody must be asked; never rejects. `others`: pods of this node that have not ended, asked for again after a wait.
   * Undefined: welcome.
   */
  judge(pod: Pod, others: () => readonly Pod[]): Refusal | undefined | Promise<Refusal | undefined> {
    const { devices } = this.#options;
    const refused = this.#options.refusal?.(pod) ?? impossible(pod, this.#hasAppArmor);
    if (refused) return refused;
    if (!devices.wants(pod)) return this.#place(pod, others);
    return devices.allocate(pod).then(() => this.#place(pod, others), unexpected);
  }

  #place(pod: Pod, others: () => readonly Pod[]): Refusal | undefined | Promise<Refusal | undefined> {
    const { allocatable, client, devices, nodeName, nodes } = this.#options;
    const judge = (object: Node | undefined) => {
      const seen = object && withoutDevices(object, devices);
      return misfit(pod, others(), { allocatable, object: seen });
    };
    const refused = judge(nodes.get(nodeName));
    if (refused?.reason !== AFFINITY) return refused;
    // The label may be newer than what the watch has shown.
    return client.get<NodeObject>(RESOURCES.nodes, nodeName).then(judge, () => refused);
  }
}

/** Whether there are enough of them was found out by giving them. */
function withoutDevices(node: Node, devices: Devices): Node {
  const others = Object.entries(node.status?.allocatable ?? {}).filter(([name]) => !devices.isDevice(name));
  return { ...node, status: { ...node.status, allocatable: Object.fromEntries(others) } };
}

function unexpected(error: unknown): Refusal {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${why}, which is unexpected` };
}
