// The node's signs of life: a Lease every 10 s, its status at once and then every 5 minutes or when it was changed by others.
import type { ContainerImage, Node } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, type Logger, neverFails, repeat, rfc3339Micro, type Service } from '../../kit/run/index.ts';
import { type NodeFacts, nodeStatus, type Pressures } from './node-object.ts';

const LEASE_EVERY_MS = 10_000;
const LEASE_SECONDS = 40;
const STATUS_EVERY_MS = 300_000;
const LEASE_NAMESPACE = 'kube-node-lease';

export interface HeartbeatOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  facts: NodeFacts;
  nodeUid: string;
  /** The biggest images, for the scheduler's image locality. */
  images(): Promise<ContainerImage[]>;
  /** What the node is short of now. */
  pressures(): Pressures;
  /** Resources that come and go, beside those of the facts. */
  changing: {
    now(): { capacity: Readonly<Record<string, string>>; allocatable: Readonly<Record<string, string>> };
    onChange(listener: () => void): void;
  };
}

type NodeObject = Node & KubeObject;

/** Started when the node has been reported Ready. */
export function heartbeat(options: HeartbeatOptions): Service {
  return {
    name: 'heartbeat',
    async start() {
      const beat = new Heartbeat(options);
      await Promise.all([beat.reportStatus(), beat.renewLease()]);
      const onError = (error: unknown) => options.log.warn({ err: error }, 'heartbeat failed');
      options.changing.onChange(() => void beat.checkStatus().catch(onError));
      const timers = [repeat(LEASE_EVERY_MS, () => beat.renewLease(), onError), repeat(LEASE_EVERY_MS, () => beat.checkStatus(), onError)];
      return {
        failed: neverFails,
        async stop() {
          for (const timer of timers) timer.stop();
        },
      };
    },
  };
}

class Heartbeat {
  readonly #options: HeartbeatOptions;
  #reportedAtMs = 0;
  #reported = '';
  #turn: Promise<void> = Promise.resolve();
  #node: NodeObject | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** One report at a time: an older one never comes last. */
  reportStatus(): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(() => this.#report());
    this.#turn = turn;
    return turn;
  }

  async #report(): Promise<void> {
    const { changing, client, clock, facts, images, pressures } = this.#options;
    const nowMs = clock.nowMs();
    const reported = this.#changing();
    const listed = this.#node ? { images: await images() } : {}; // the first report must be quick
    const { capacity, allocatable } = changing.now();
    const status = {
      ...nodeStatus(facts, true, this.#node?.status?.conditions ?? [], nowMs, pressures()),
      capacity: { ...facts.capacity, ...capacity },
      allocatable: { ...facts.allocatable, ...allocatable },
      ...listed,
    };
    this.#node = await client.patch<NodeObject>(RESOURCES.nodes, facts.name, 'strategic', { status }, { subresource: 'status' });
    this.#reportedAtMs = nowMs;
    this.#reported = reported;
  }

  /** Reports when it is time, or when somebody (the node life cycle controller, after a pause of ours) wrote another truth. */
  async checkStatus(): Promise<void> {
    const { client, clock, facts } = this.#options;
    if (clock.nowMs() - this.#reportedAtMs >= STATUS_EVERY_MS || this.#changing() !== this.#reported) return this.reportStatus();
    const node = await client.get<NodeObject>(RESOURCES.nodes, facts.name);
    if (node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True') return;
    this.#node = node;
    await this.reportStatus();
  }

  /** What must be reported at once when it changes. */
  #changing(): string {
    const { changing, pressures } = this.#options;
    return JSON.stringify([[...pressures()].sort(), changing.now()]);
  }

  async renewLease(): Promise<void> {
    const { client, clock, facts, nodeUid } = this.#options;
    const spec = { holderIdentity: facts.name, leaseDurationSeconds: LEASE_SECONDS, renewTime: rfc3339Micro(clock.nowMs()) };
    try {
      await client.patch(RESOURCES.leases, facts.name, 'merge', { spec }, { namespace: LEASE_NAMESPACE });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: facts.name, uid: nodeUid }];
      const metadata = { name: facts.name, namespace: LEASE_NAMESPACE, ownerReferences };
      await client.create(
        RESOURCES.leases,
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
        { namespace: LEASE_NAMESPACE },
      );
    }
  }
}
