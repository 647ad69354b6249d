// The loop: takes pods by priority, decides a node for each, assumes them there and binds through the API.
import { setImmediate } from 'node:timers/promises';
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../api/meta/index.ts';
import { type Client, type EventRecorder, RESOURCES } from '../../kit/client/index.ts';
import { type Outcome, Reconciler } from '../../kit/queue/index.ts';
import { type Clock, type Logger, rfc3339 } from '../../kit/run/index.ts';
import type { Cluster } from './cluster.ts';
import { explain, explainNoVictims, type Feasible, feasibleNodes } from './feasible.ts';
import type { Help } from './filter.ts';
import type { PodInfo } from './pod-info.ts';
import { type ForbiddenBy, findVictims, goesForAnother, PREEMPTED, type Victims } from './preemption.ts';
import { best } from './scores.ts';
import type { VolumeBinder } from './volumes.ts';
import { WaitingPods } from './waiting.ts';

/** Bindings on their way at once; beyond it the loop waits for answers. */
const BINDINGS_MAX = 256;
/** The event loop is given back after this many milliseconds of deciding. */
const SLICE_MS = 5;
/** Upstream's limit of an event's text. */
const NOTE_MAX = 1024;

export interface SchedulerParts {
  client: Client;
  cluster: Cluster;
  events: EventRecorder;
  forbidden: ForbiddenBy;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** The pod as the cache has it now. */
  current(pod: PodInfo): Pod | undefined;
  volumes: VolumeBinder;
}

export class Scheduler {
  readonly waiting = new WaitingPods();
  readonly #parts: SchedulerParts;
  readonly #loop: Reconciler;
  /** Pods for which victims were asked to go, with the node that was promised. */
  readonly #nominated = new Map<string, { pod: PodInfo; node: string }>();
  readonly #bindings = new Set<Promise<void>>();
  #start = 0;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#loop = new Reconciler({
      reconcile: () => this.#pass(),
      workersMax: 1,
      signal: parts.signal,
      onError: (_, err) => parts.log.error({ err }, 'scheduling pass failed'),
      clock: parts.clock,
    });
  }

  add(pod: PodInfo): void {
    const node = this.#nominated.get(pod.uid)?.node ?? pod.pod.status?.nominatedNodeName; // promised before a restart
    if (node) this.#nominated.set(pod.uid, { pod, node });
    this.waiting.add(pod);
    this.#loop.add('pods');
  }

  remove(uid: string): void {
    this.waiting.remove(uid);
    this.#nominated.delete(uid);
  }

  happened(help: Help): void {
    this.waiting.happened(help);
    this.#loop.add('pods');
  }

  /** Tries all that are ready. */
  async #pass(): Promise<Outcome> {
    let sliceEnd = performance.now() + SLICE_MS;
    this.waiting.wake(this.#parts.clock.nowMs());
    for (let next = this.waiting.take(); next; next = this.waiting.take()) {
      if (this.#parts.signal.aborted) break;
      this.#tryOne(next.pod, next.attempts);
      if (this.#bindings.size >= BINDINGS_MAX) await Promise.race(this.#bindings);
      if (performance.now() < sliceEnd) continue;
      await setImmediate();
      sliceEnd = performance.now() + SLICE_MS;
    }
    return { retryAfterMs: this.waiting.dueInMs(this.#parts.clock.nowMs()) };
  }

  #tryOne(pod: PodInfo, attempts: number): void {
    const { cluster } = this.#parts;
    const since = this.waiting.now;
    const reserved = this.#reserveNominated(pod);
    const result = feasibleNodes(pod, cluster, this.#start);
    this.#start += result.refused.size + result.nodes.length;
    const promised = result.nodes.find((node) => node.name === this.#nominated.get(pod.uid)?.node);
    const node = result.nodes.length > 0 ? (promised ?? best(pod, cluster, result.nodes, Math.random)) : undefined;
    const victims = node ? undefined : this.#victimsFor(pod, result);
    for (const uid of reserved) cluster.removePod(uid);
    if (!node) {
      this.#failed(pod, attempts, result, victims, since);
      return;
    }
    this.#nominated.delete(pod.uid);
    cluster.addPod(pod, node.name);
    const binding = this.#bind(pod, node.name, attempts).finally(() => this.#bindings.delete(binding));
    this.#bindings.add(binding);
  }

  /** What was promised to pods at least as important is taken for the duration of one decision. */
  #reserveNominated(pod: PodInfo): string[] {
    const reserved: string[] = [];
    for (const { pod: other, node } of this.#nominated.values()) {
      if (other.uid === pod.uid || other.priority < pod.priority || this.#parts.cluster.nodeOf(other.uid) !== undefined) continue;
      this.#parts.cluster.addPod(other, node);
      reserved.push(other.uid);
    }
    return reserved;
  }

  async #bind(pod: PodInfo, node: string, attempts: number): Promise<void> {
    const { client, cluster, events, log, signal, clock } = this.#parts;
    const since = this.waiting.now;
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace: pod.namespace, name: pod.name, uid: pod.uid },
      target: { kind: 'Node', name: node },
    };
    try {
      const on = cluster.nodes.get(node)?.node;
      if (on) await this.#bindVolumes(pod, on);
      await client.create(RESOURCES.pods, binding, { namespace: pod.namespace, name: pod.name, subresource: 'binding' });
      events.record(targetOf(pod), 'Normal', 'Scheduled', `Successfully assigned ${pod.key} to ${node}`);
    } catch (error) {
      if (signal.aborted) return;
      // The cache tells of a pod that is gone or was bound by somebody else.
      const bound = this.#parts.current(pod)?.spec?.nodeName;
      if (!bound) cluster.removePod(pod.uid);
      if (isStatusError(error, 'NotFound') || bound) return;
      log.warn({ err: error, pod: pod.key, node }, 'binding failed');
      this.waiting.failed(pod, attempts, undefined, since, clock.nowMs());
      this.happened('pod-gone');
    }
  }

  /** Volumes that are not made for the node after all: the pod is told, and tried anew. */
  async #bindVolumes(pod: PodInfo, node: Node): Promise<void> {
    const { client, log, signal, volumes } = this.#parts;
    const isGone = () => this.#parts.current(pod) === undefined;
    await volumes.bind(client, pod, node, isGone, signal).catch(async (error: Error) => {
      if (!signal.aborted && !isGone()) {
        const message = `running PreBind plugin "VolumeBinding": binding volumes: ${error.message}`;
        await this.#tell(pod, message, undefined, 'SchedulerError').catch((err: unknown) =>
          log.debug({ err }, 'pod condition not written'),
        );
      }
      throw error;
    });
  }

  /** Or why there are none. What was promised to others is reserved meanwhile: nobody counts on the same victim twice. */
  #victimsFor(pod: PodInfo, result: Feasible): Victims | string {
    const { cluster, forbidden } = this.#parts;
    if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
    if (this.#waitsForVictims(pod, result)) return 'not eligible due to a terminating pod on the nominated node.';
    const found = findVictims(pod, cluster, result, forbidden);
    if (!found) this.#takeBack(pod);
    return found ?? explainNoVictims(cluster.nodes.size, result);
  }

  /** What was promised to less important pods on the node is not theirs any more: they look again. */
  #displace(pod: PodInfo, node: string): void {
    for (const other of [...this.#nominated.values()]) {
      if (other.node !== node || other.pod.priority >= pod.priority) continue;
      this.#takeBack(other.pod);
      this.waiting.hurry(other.pod.uid);
    }
  }

  /** The node that was promised to a pod. */
  #takeBack(pod: PodInfo): void {
    if (!this.#nominated.delete(pod.uid)) return;
    const { client, log } = this.#parts;
    const patch = { metadata: { uid: pod.uid }, status: { nominatedNodeName: null } };
    client
      .patch(RESOURCES.pods, pod.name, 'strategic', patch, { namespace: pod.namespace, subresource: 'status' })
      .catch((err: unknown) => log.debug({ err, pod: pod.key }, 'promised node not taken back'));
  }

  #failed(pod: PodInfo, attempts: number, result: Feasible, found: Victims | string | undefined, since: number): void {
    const { cluster, clock, log } = this.#parts;
    const total = cluster.nodes.size;
    const victims = typeof found === 'string' ? undefined : found;
    const message = typeof found === 'string' ? explain(total, result, found) : explain(total, result, '').replace(/ preemption: $/, '');
    if (victims) {
      this.#displace(pod, victims.node);
      this.#nominated.set(pod.uid, { pod, node: victims.node });
    }
    this.waiting.failed(pod, attempts, result.helpedBy.size > 0 ? result.helpedBy : new Set(['node']), since, clock.nowMs());
    this.#tell(pod, message, victims).catch((err: unknown) => log.debug({ err, pod: pod.key }, 'pod condition not written'));
  }

  /** Not where the promised node is none for the pod any more. */
  #waitsForVictims(pod: PodInfo, { refused }: Feasible): boolean {
    const node = this.#parts.cluster.nodes.get(this.#nominated.get(pod.uid)?.node ?? '');
    if (!node || refused.get(node.name)?.resolvable === false) return false;
    return [...node.pods.values()].some((other) => other.priority < pod.priority && goesForAnother(other));
  }

  /** Event, condition PodScheduled, and the victims' end. */
  async #tell(pod: PodInfo, message: string, victims: Victims | undefined, reason = 'Unschedulable'): Promise<void> {
    const { client, events, clock } = this.#parts;
    events.record(
      targetOf(pod),
      'Warning',
      'FailedScheduling',
      message.length <= NOTE_MAX ? message : `${message.slice(0, NOTE_MAX - 4)} ...`,
    );
    const current = this.#parts.current(pod) ?? pod.pod;
    const before = current.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const nominated = victims?.node;
    if (before?.message !== message || before.status !== 'False' || nominated !== undefined) {
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason,
        message,
        lastProbeTime: null,
        lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : rfc3339(clock.nowMs()),
        observedGeneration: current.metadata.generation,
      };
      const status = { conditions: [condition], ...(nominated ? { nominatedNodeName: nominated } : {}) };
      await client.patch(
        RESOURCES.pods,
        pod.name,
        'strategic',
        { metadata: { uid: pod.uid }, status },
        { namespace: pod.namespace, subresource: 'status' },
      );
    }
    await Promise.all((victims?.pods ?? []).map((victim) => this.#preempt(victim, pod, victims?.node ?? '')));
  }

  async #preempt(victim: PodInfo, by: PodInfo, node: string): Promise<void> {
    if (victim.pod.metadata.deletionTimestamp) return;
    const { client, events, clock } = this.#parts;
    const params = { namespace: victim.namespace };
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: PREEMPTED,
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
      lastProbeTime: null,
      lastTransitionTime: rfc3339(clock.nowMs()),
    };
    try {
      await client.patch(
        RESOURCES.pods,
        victim.name,
        'strategic',
        { metadata: { uid: victim.uid }, status: { conditions: [condition] } },
        { ...params, subresource: 'status' },
      );
      await client.delete(RESOURCES.pods, victim.name, { ...params, preconditions: { uid: victim.uid } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
    events.record(targetOf(victim), 'Normal', 'Preempted', `Preempted by pod ${by.uid} on node ${node}`);
  }
}

const targetOf = ({ pod }: PodInfo) => ({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata });
