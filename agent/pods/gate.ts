// Whether a pod that is new here may run: what the node refuses for its own sake, devices for its containers, then room and place.
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, type Informer, RESOURCES } from '../../kit/client/index.ts';
import { isCritical, isStatic } from '../../kit/pods/index.ts';
import { type Clock, settledWithin } from '../../kit/run/index.ts';
import { type Devices, DevicesTaken } from '../devices/index.ts';
import { type Abilities, AFFINITY, impossible, misfit, misplaced, type NodeNow, type Refusal, shortageOf } from './admission.ts';
import { hasAppArmor } from './app-armor.ts';
import { notEnough, type Shortage, victimsFor } from './preemption.ts';

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
  /** Whether the pod was let in before the agent was restarted, where its status does not tell. */
  hasRun(uid: string): Promise<boolean>;
  /** Ends them so that a critical pod has room, and waits for that. */
  preempt(victims: readonly Pod[], shortage: Shortage): Promise<void>;
  /** Of the runtime: image's groups can be kept from a container. */
  supplementalGroupsPolicy: boolean;
  /** Why this node takes no such pod now; undefined: it does. */
  refusal?(pod: Pod): Refusal | undefined;
}

/** As long as a pod is waited for that is to end at once. */
const END_MAX_MS = 30_000;
const UNEXPECTED = 'UnexpectedAdmissionError';

export class Gate {
  readonly #options: GateOptions;
  readonly #can: Abilities;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#can = { appArmor: hasAppArmor(), supplementalGroupsPolicy: options.supplementalGroupsPolicy };
  }

  /**
   * At once, unless somebody must be asked; never rejects. `others`: pods of this node that have not ended, asked for again after a wait.
   * Undefined: welcome.
   */
  judge(pod: Pod, others: () => readonly Pod[]): Refusal | undefined | Promise<Refusal | undefined> {
    if (!isStatic(pod)) return this.#judgeNew(pod, others);
    return this.#options.hasRun(pod.metadata.uid ?? '').then((hasRun) => (hasRun ? undefined : this.#judgeNew(pod, others)));
  }

  #judgeNew(pod: Pod, others: () => readonly Pod[]): Refusal | undefined | Promise<Refusal | undefined> {
    const { devices } = this.#options;
    const refused = this.#options.refusal?.(pod) ?? impossible(pod, this.#can);
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
        await settledWithin(end, leftMs, clock, signal);
      }
    }
  }

  #place(pod: Pod, others: () => readonly Pod[]): Refusal | undefined | Promise<Refusal | undefined> {
    const { client, nodeName, nodes } = this.#options;
    const judge = (object: Node | undefined) => {
      const node = this.#nodeNow(object);
      return isCritical(pod) ? this.#makeRoom(pod, others(), node) : misfit(pod, others(), node);
    };
    const refused = judge(nodes.get(nodeName));
    if (refused instanceof Promise || refused?.reason !== AFFINITY) return refused;
    // The label may be newer than what the watch has shown.
    return client.get<NodeObject>(RESOURCES.nodes, nodeName).then(judge, () => refused);
  }

  #nodeNow(object: Node | undefined): NodeNow {
    const { allocatable, devices } = this.#options;
    return { allocatable, object: object && withoutDevices(object, devices) };
  }

  /** A critical pod is refused for want of room only where no others can give it theirs. */
  #makeRoom(pod: Pod, others: readonly Pod[], node: NodeNow): Refusal | undefined | Promise<undefined> {
    const refused = misplaced(pod, others, node);
    if (refused) return refused;
    const shortage = shortageOf(pod, others, node);
    const victims = victimsFor(pod, others, shortage);
    if (!victims)
      return {
        reason: UNEXPECTED,
        message: `Unexpected error while attempting to recover from admission failure: ${notEnough(shortage)}`,
      };
    return victims.length === 0 ? undefined : this.#options.preempt(victims, shortage).then(() => undefined);
  }
}

/** Whether there are enough of them was found out by giving them. */
function withoutDevices(node: Node, devices: Devices): Node {
  const others = Object.entries(node.status?.allocatable ?? {}).filter(([name]) => !devices.isDevice(name));
  return { ...node, status: { ...node.status, allocatable: Object.fromEntries(others) } };
}

function unexpected(error: unknown): Refusal {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: UNEXPECTED, message: `Allocate failed due to ${why}, which is unexpected` };
}
