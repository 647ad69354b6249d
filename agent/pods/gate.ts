// Whether a pod that is new here may run: what the node refuses for its own sake, devices for its containers, then room and place.
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, type Informer, RESOURCES } from '../../kit/client/index.ts';
import type { Clock } from '../../kit/run/index.ts';
import { type Devices, DevicesTaken } from '../devices/index.ts';
import { AFFINITY, impossible, misfit, type Refusal } from './admission.ts';
import { hasAppArmor } from './app-armor.ts';

type NodeObject = Node & KubeObject;

export interface GateOptions {
  client: Client;
  nodeName: string;
  nodes: Informer<NodeObject>;
  clock: Clock;
  devices: Devices;
  /** The next end of a pod that the API has forgotten already; undefined: there is none. */
  nextEnd(): Promise<void> | undefined;
  signal: AbortSignal;
  allocatable: Readonly<Record<string, string>>;
  /** Why this node takes no such pod now; undefined: it does. */
  refusal?(pod: Pod): Refusal | undefined;
}

/** As long as a pod is waited for that is to end at once. */
const END_MAX_MS = 30_000;

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
    return this.#equip(pod).then((problem) => problem ?? this.#place(pod, others));
  }

  /** What a pod has that was deleted without grace is free for the scheduler, but not yet here. */
  async #equip(pod: Pod): Promise<Refusal | undefined> {
    const { clock, devices, nextEnd, signal } = this.#options;
    const deadlineMs = clock.nowMs() + END_MAX_MS;
    for (;;) {
      const end = nextEnd();
      try {
        await devices.allocate(pod);
        return undefined;
      } catch (error) {
        const leftMs = deadlineMs - clock.nowMs();
        if (!(error instanceof DevicesTaken) || !end || leftMs <= 0 || signal.aborted) return unexpected(error);
        await withinMs(end, leftMs, clock, signal);
      }
    }
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

async function withinMs(promise: Promise<void>, ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  await Promise.race([promise, clock.sleep(ms, AbortSignal.any([signal, over.signal])).catch(() => {})]);
  over.abort();
}

function unexpected(error: unknown): Refusal {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${why}, which is unexpected` };
}
