// The node's signs of life: a Lease every 10 s, its status at once and then every 5 minutes or when it was changed by others.
import type { ContainerImage, Node } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, type Informer, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, type Logger, neverFails, repeat, rfc3339Micro, type Service } from '../../kit/run/index.ts';
import { changesNothing, countedByOthers } from './counted-by-others.ts';
import { type NodeEvents, rebooted, tellChanges } from './events.ts';
import { type NodeFacts, nodeStatus, type Pressures } from './node-object.ts';

type NodeObject = Node & KubeObject;

const LEASE_EVERY_MS = 10_000;
const LEASE_SECONDS = 40;
const STATUS_EVERY_MS = 300_000;
const LEASE_NAMESPACE = 'kube-node-lease';

export interface HeartbeatOptions {
  client: Client;
  /** As the API shows them: others count resources on this one. */
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
        const seen = (node: NodeObject) => void beat.seen(node)?.catch(onError);
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
  #reported = '';
  #node: NodeObject | undefined;
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
    const { client, clock, facts, notReady, pressures, resources, tell } = this.#options;
    const nowMs = clock.nowMs();
    const images = this.#node ? { images: await this.#options.images() } : {}; // the first report must be quick
    this.#node ??= await this.#firstLook();
    const reported = this.#wanted();
    const before = this.#node.status?.conditions ?? [];
    const { capacity, allocatable } = resources();
    const shown = { ...facts, capacity: { ...facts.capacity, ...capacity }, allocatable: { ...facts.allocatable, ...allocatable } };
    const status = { ...nodeStatus(shown, notReady(), before, nowMs, pressures()), ...images };
    tellChanges(tell, facts.name, before, status.conditions ?? []);
    const others = countedByOthers(this.#node.status, shown.capacity);
    const patch = {
      status: {
        ...status,
        capacity: { ...status.capacity, ...others.capacity },
        allocatable: { ...status.allocatable, ...others.allocatable },
      },
    };
    this.#node = await client.patch<NodeObject>(RESOURCES.nodes, facts.name, 'strategic', patch, { subresource: 'status' });
    this.#reportedAtMs = nowMs;
    this.#reported = reported;
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

  /** Reports when it is time, or when somebody (the node life cycle controller, after a pause of ours) wrote another truth. */
  async checkStatus(): Promise<void> {
    const { client, clock, facts, notReady } = this.#options;
    if (clock.nowMs() - this.#reportedAtMs >= STATUS_EVERY_MS || this.#wanted() !== this.#reported) return this.reportStatus();
    const node = await client.get<NodeObject>(RESOURCES.nodes, facts.name);
    const status = notReady() === undefined ? 'True' : 'False';
    if (node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === status) return this.seen(node);
    this.#node = node;
    await this.reportStatus();
  }

  /** Reports when others have changed what they count on this node; undefined: they have not. */
  seen(node: NodeObject): Promise<void> | undefined {
    const { facts, resources } = this.#options;
    if (node.metadata.name !== facts.name) return undefined;
    if (changesNothing(countedByOthers(node.status, { ...facts.capacity, ...resources().capacity }))) return undefined;
    this.#node = node;
    return this.reportStatus();
  }

  /** What is to be shown, so that a change is seen. */
  #wanted(): string {
    const { notReady, pressures, resources } = this.#options;
    return JSON.stringify([notReady(), [...pressures()].sort(), resources()]);
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
