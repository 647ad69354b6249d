// The node's signs of life: a Lease every 10 s; its status at once, every 5 minutes, and when it or what others wrote into it has changed.
import type { ContainerImage, Node, NodeStatus } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, type Informer, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, type Logger, neverFails, repeat, rfc3339Micro, type Service } from '../../kit/run/index.ts';
import { type NodeEvents, rebooted, tellChanges } from './events.ts';
import { advertised, type NodeFacts, nodeStatus, type Pressures, reportedPart } from './node-object.ts';

type NodeObject = Node & KubeObject;

const LEASE_EVERY_MS = 10_000;
const LEASE_SECONDS = 40;
const STATUS_EVERY_MS = 300_000;
/** How often it is looked which images there are. */
const IMAGES_EVERY_MS = 30_000;
const LEASE_NAMESPACE = 'kube-node-lease';

export interface HeartbeatOptions {
  client: Client;
  /** As the watch shows them: what others count on this one is for pods at once. */
  nodes: Informer<NodeObject>;
  clock: Clock;
  log: Logger;
  facts: NodeFacts;
  nodeUid: string;
  /** The biggest images, for the scheduler's image locality. */
  images(): Promise<ContainerImage[]>;
  /** What the node is short of now. */
  pressures(): Pressures;
  /** Resources that come and go, beside those of the facts. */
  resources(): { capacity: Readonly<Record<string, string>>; allocatable: Readonly<Record<string, string>> };
  /** Why it is not ready; undefined: it is. */
  notReady(): string | undefined;
  tell: NodeEvents;
}

export interface NodeHeartbeat {
  readonly service: Service;
  /** Something that the status shows has changed: report it now. */
  hurry(): void;
}

/** Started when the node has been reported Ready. */
export function heartbeat(options: HeartbeatOptions): NodeHeartbeat {
  const beat = new Heartbeat(options);
  let isStarted = false;
  const onError = (error: unknown) => options.log.warn({ err: error }, 'heartbeat failed');
  return {
    service: {
      name: 'heartbeat',
      async start() {
        await Promise.all([beat.reportStatus(), beat.renewLease()]);
        isStarted = true;
        const seen = (node: NodeObject) => beat.hasNewResources(node) && void beat.checkStatus().catch(onError);
        const leave = options.nodes.on({ added: seen, updated: (_, node) => seen(node) });
        const timers = [
          repeat(LEASE_EVERY_MS, () => beat.renewLease(), onError),
          repeat(LEASE_EVERY_MS, () => beat.checkStatus(), onError),
        ];
        return {
          failed: neverFails,
          async stop() {
            leave();
            for (const timer of timers) timer.stop();
          },
        };
      },
    },
    // The first report is made when all else is ready: who sees the node may count on it.
    hurry: () => void (isStarted && beat.reportStatus().catch(onError)),
  };
}

class Heartbeat {
  readonly #options: HeartbeatOptions;
  #reportedAtMs = 0;
  /** What was reported, and what the API server made of it. */
  #reported = '';
  #answered = '';
  #node: NodeObject | undefined;
  #images: { readonly list: ContainerImage[]; readonly atMs: number } | undefined;
  #reporting: Promise<void> = Promise.resolve();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** One after the other, so that the last word is the newest. */
  reportStatus(): Promise<void> {
    const report = this.#reporting.then(() => this.#reportNow());
    this.#reporting = report.catch(() => {}); // whoever asked sees it
    return report;
  }

  async #reportNow(): Promise<void> {
    const { client, clock, facts, tell } = this.#options;
    if (this.#node) await this.#lookAtImages(); // the first report must be quick
    this.#node ??= await this.#firstLook();
    const status = this.#wanted(this.#node);
    tellChanges(tell, facts.name, this.#node.status?.conditions ?? [], status.conditions ?? []);
    this.#node = await client.patch<NodeObject>(RESOURCES.nodes, facts.name, 'strategic', { status }, { subresource: 'status' });
    this.#reportedAtMs = clock.nowMs();
    this.#reported = reportedPart(status);
    this.#answered = reportedPart(this.#node.status);
  }

  /** The node as it was before this agent was started. */
  async #firstLook(): Promise<NodeObject> {
    const { client, facts, tell } = this.#options;
    const node = await client.get<NodeObject>(RESOURCES.nodes, facts.name);
    const { bootID } = facts.info;
    if (rebooted(node.status?.nodeInfo?.bootID, bootID))
      tell('Warning', 'Rebooted', `Node ${facts.name} has been rebooted, boot id: ${bootID}`);
    return node;
  }

  /** Reports when it is time, when something is new, or when somebody (the node life cycle controller, an administrator) wrote something else. */
  async checkStatus(): Promise<void> {
    const { client, clock, facts } = this.#options;
    this.#node = await client.get<NodeObject>(RESOURCES.nodes, facts.name);
    await this.#lookAtImages();
    const isNew = reportedPart(this.#wanted(this.#node)) !== this.#reported || reportedPart(this.#node.status) !== this.#answered;
    if (isNew || clock.nowMs() - this.#reportedAtMs >= STATUS_EVERY_MS) await this.reportStatus();
  }

  /** Others count something on this node that its status does not give to pods yet, or have stopped counting it. */
  hasNewResources({ metadata, status }: NodeObject): boolean {
    if (metadata.name !== this.#options.facts.name) return false;
    const there: Readonly<Record<string, string>> = status?.allocatable ?? {};
    return Object.entries(advertised(status, this.#own().capacity)).some(([name, amount]) => (there[name] ?? null) !== amount);
  }

  #own() {
    const { facts, resources } = this.#options;
    const { capacity, allocatable } = resources();
    return { capacity: { ...facts.capacity, ...capacity }, allocatable: { ...facts.allocatable, ...allocatable } };
  }

  #wanted(node: NodeObject): NodeStatus {
    const { clock, facts, notReady, pressures } = this.#options;
    const own = this.#own();
    const shown = { ...facts, capacity: own.capacity, allocatable: { ...advertised(node.status, own.capacity), ...own.allocatable } };
    const status = nodeStatus(shown, notReady(), node.status?.conditions ?? [], clock.nowMs(), pressures());
    return { ...status, ...(this.#images && { images: this.#images.list }) };
  }

  async #lookAtImages(): Promise<void> {
    const { clock, images } = this.#options;
    if (this.#images && clock.nowMs() - this.#images.atMs < IMAGES_EVERY_MS) return;
    this.#images = { list: await images(), atMs: clock.nowMs() };
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
