// Watches over nodes: marks those that fall silent, taints them by their conditions, tells their pods' readers.
import type { Lease } from '../../../api/gen/types/coordination.v1.ts';
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { deepEqual, isStatusError } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, RESOURCES } from '../../../kit/client/index.ts';
import { conditionOf } from '../../../kit/pods/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { type Heard, hear, lostConditions, lostInMs } from './health.ts';
import { readyStatusOf, taintsFor } from './taints.ts';

const LEASES = 'kube-node-lease';

class NodeLifecycle {
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #leases: Informer<Lease>;
  readonly #pods: Informer<Pod>;
  readonly #events: EventRecorder;
  readonly #heard = new Map<string, Heard>();
  readonly #queue: Reconciler;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#nodes = context.informers.of<Node>(RESOURCES.nodes);
    this.#leases = context.informers.of<Lease>(RESOURCES.leases);
    this.#pods = indexPods(context.informers);
    this.#events = context.events('node-controller');
    this.#queue = reconcilerOf('nodelifecycle', context, signal, ready, (name) => this.#reconcile(name));
    this.#nodes.on({
      added: (node) => {
        this.#hear(node);
        this.#events.record(
          targetOf(node),
          'Normal',
          'RegisteredNode',
          `Node ${node.metadata.name} event: Registered Node ${node.metadata.name} in Controller`,
        );
        this.#queue.add(node.metadata.name ?? '');
      },
      updated: (before, node) => this.#nodeChanged(before, node),
      deleted: ({ metadata }) => this.#heard.delete(metadata.name ?? ''),
    });
    const leaseSeen = ({ metadata }: Lease) => {
      const node = metadata.namespace === LEASES ? this.#nodes.get(metadata.name ?? '') : undefined;
      if (node) this.#hear(node);
    };
    this.#leases.on({ added: leaseSeen, updated: (_, lease) => leaseSeen(lease) });
  }

  #hear(node: Node): void {
    const name = node.metadata.name ?? '';
    this.#heard.set(name, hear(this.#heard.get(name), node, this.#leases.get(`${LEASES}/${name}`), this.#context.clock.nowMs()));
  }

  #nodeChanged(before: Node, node: Node): void {
    this.#hear(node);
    if (readyStatusOf(before) !== readyStatusOf(node)) {
      // Whether pods are driven away at all depends on the others.
      for (const other of this.#nodes.list()) this.#queue.add(other.metadata.name ?? '');
    } else if (
      !deepEqual(before.spec, node.spec) ||
      !deepEqual(
        before.status?.conditions?.map(({ type, status }) => [type, status]),
        node.status?.conditions?.map(({ type, status }) => [type, status]),
      )
    ) {
      this.#queue.add(node.metadata.name ?? '');
    }
  }

  async #reconcile(name: string): Promise<Outcome> {
    const node = this.#nodes.get(name);
    const heard = this.#heard.get(name);
    if (!node || !heard) return done;
    const nowMs = this.#context.clock.nowMs();
    const lostMs = lostInMs(node, heard, nowMs);
    if (lostMs <= 0 && readyStatusOf(node) !== 'Unknown') {
      await this.#markLost(node, nowMs);
      return done; // the change of its conditions brings it back here, for the taints
    }
    const evict = this.#nodes.list().some((other) => readyStatusOf(other) === 'True');
    const taints = taintsFor(node, evict, rfc3339(nowMs));
    if (taints)
      await this.#context.client.patch(RESOURCES.nodes, name, 'merge', {
        metadata: { uid: node.metadata.uid, resourceVersion: node.metadata.resourceVersion },
        spec: { taints: taints.length > 0 ? taints : null },
      });
    return lostMs > 0 ? { retryAfterMs: lostMs } : done;
  }

  async #markLost(node: Node, nowMs: number): Promise<void> {
    const { client, log } = this.#context;
    const name = node.metadata.name ?? '';
    const wasReady = readyStatusOf(node) === 'True';
    log.info({ node: name }, 'node is lost: no lease renewal and no heartbeat');
    await client.update(
      RESOURCES.nodes,
      { ...node, apiVersion: 'v1', kind: 'Node', status: { ...node.status, conditions: lostConditions(node, nowMs) } },
      { subresource: 'status' },
    );
    if (!wasReady) return;
    this.#events.record(targetOf(node), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    await Promise.all(this.#pods.by('node', name).map((pod) => this.#markNotReady(pod, nowMs)));
  }

  /** Endpoints must not wait for a kubelet that cannot speak. */
  async #markNotReady(pod: Pod, nowMs: number): Promise<void> {
    if (conditionOf(pod, 'Ready')?.status !== 'True') return;
    const { name = '', namespace = '', uid } = pod.metadata;
    const condition = { type: 'Ready', status: 'False', lastTransitionTime: rfc3339(nowMs) };
    try {
      await this.#context.client.patch(
        RESOURCES.pods,
        name,
        'strategic',
        { metadata: { uid }, status: { conditions: [condition] } },
        { namespace, subresource: 'status' },
      );
      this.#events.record({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata }, 'Warning', 'NodeNotReady', 'Node is not ready');
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }
}

const targetOf = (node: Node) => ({ apiVersion: 'v1', kind: 'Node', metadata: node.metadata });

export const nodeLifecycleController: Controller = {
  name: 'nodelifecycle',
  user: account('node-controller'),
  start(context, signal, ready) {
    new NodeLifecycle(context, signal, ready);
  },
};
