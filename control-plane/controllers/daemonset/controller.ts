// Keeps one pod of a DaemonSet on each node that should have one.
import type { ControllerRevision, DaemonSet } from '../../../api/gen/types/apps.v1.ts';
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { controllerOf, deepEqual, isStatusError, type KubeObject, selectorFrom, semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { backoffMs } from '../../../kit/run/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { claim } from '../shared/adoption.ts';
import { slowStart } from '../shared/batches.ts';
import { Expectations, UNSETTLED } from '../shared/expectations.ts';
import { type HistoryOwner, hashOf, presentRevision, REVISION_HASH, trimHistory } from '../shared/history.ts';
import { followPods, indexPods, orphansOf } from '../shared/pod-index.ts';
import { availableInMs } from '../shared/pods.ts';
import { type DaemonPlan, type DaemonWorld, keepOneANode, roll, statusOf } from './plan.ts';
import { daemonPod, nodeOf } from './pod.ts';

/** A failed pod of a node is replaced at once, then with growing patience (upstream: 1 s to 15 minutes). */
const FAILED_BASE_MS = 1_000;
const FAILED_MAX_MS = 900_000;

class DaemonSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<DaemonSet>;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #events: EventRecorder;
  readonly #expectations: Expectations;
  readonly #queue: Reconciler;
  /** Failures by set and node; forgotten with the set. */
  readonly #failures = new Map<string, Map<string, { count: number; atMs: number }>>();

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#events = context.events('daemonset-controller');
    this.#sets = context.informers.of<DaemonSet>(RESOURCES.daemonsets);
    this.#nodes = context.informers.of<Node>(RESOURCES.nodes);
    this.#revisions = context.informers.of<ControllerRevision>(RESOURCES.controllerrevisions);
    this.#revisions.addIndex('owner', (revision) => [controllerOf(revision)?.uid ?? '']);
    this.#pods = indexPods(context.informers);
    this.#expectations = new Expectations(this.#pods as unknown as Informer, context.clock);
    this.#queue = reconcilerOf('daemonset', context, signal, ready, (key) => this.#reconcile(key));
    const add = (set: DaemonSet) => this.#queue.add(keyOf(set));
    const addAll = () => {
      for (const set of this.#sets.list()) add(set);
    };
    this.#sets.on({ added: add, updated: (_, set) => add(set), deleted: add });
    this.#nodes.on({
      added: addAll,
      updated: (before, node) =>
        (!deepEqual(before.metadata.labels, node.metadata.labels) || !deepEqual(before.spec, node.spec)) && addAll(),
      deleted: addAll,
    });
    const owners = { kind: 'DaemonSet', owners: this.#sets, selectorOf: (set: DaemonSet) => selectorFrom(set.spec?.selector) };
    followPods(this.#pods, owners, (key) => this.#queue.add(key));
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cached = this.#sets.get(key);
    if (!cached) {
      this.#expectations.forget(key);
      this.#failures.delete(key);
      return done;
    }
    if (cached.metadata.deletionTimestamp) return done;
    const set: DaemonSet = { ...cached, apiVersion: 'apps/v1', kind: 'DaemonSet' };
    const { client, clock } = this.#context;
    const revisions = this.#revisions.by('owner', set.metadata.uid ?? '');
    const { present, collision } = await presentRevision(client, set as unknown as HistoryOwner, revisions, set.status?.collisionCount);
    if (collision) {
      const collisionCount = (set.status?.collisionCount ?? 0) + 1;
      await client.update(RESOURCES.daemonsets, { ...set, status: { ...set.status, collisionCount } }, { subresource: 'status' });
      return done;
    }
    const hash = hashOf(present);
    const settled = this.#expectations.satisfied(key);
    const candidates = [...this.#pods.by('owner', set.metadata.uid ?? ''), ...orphansOf(this.#pods, set.metadata.namespace ?? '')];
    const pods = await claim<Pod>({
      client,
      resource: RESOURCES.pods,
      owner: set as KubeObject,
      ownerResource: RESOURCES.daemonsets,
      selector: selectorFrom(set.spec?.selector),
      candidates,
    });
    const world: DaemonWorld = { set, hash, nodes: this.#nodes.list(), podsByNode: byNode(pods), nowMs: clock.nowMs() };
    const { created, waitMs } = settled ? await this.#act(key, world) : { created: [], waitMs: undefined };
    // The pods just made count already: the cache may not show them yet.
    await this.#writeStatus({ ...world, podsByNode: byNode([...pods, ...created]) });
    await trimHistory(
      client,
      set as unknown as HistoryOwner,
      revisions,
      new Set([hash, ...pods.map(({ metadata }) => metadata.labels?.[REVISION_HASH] ?? '')]),
    );
    const soonest = [waitMs, ...pods.map((pod) => availableInMs(pod, set.spec?.minReadySeconds ?? 0, world.nowMs))].filter(
      (ms): ms is number => ms !== undefined && ms > 0,
    );
    if (soonest.length > 0) return { retryAfterMs: Math.min(...soonest) };
    return settled ? done : UNSETTLED;
  }

  /** Returns the pods that it made, and when a failed pod may be replaced, in milliseconds. */
  async #act(key: string, world: DaemonWorld): Promise<{ created: Pod[]; waitMs: number | undefined }> {
    const kept = keepOneANode(world);
    const waitMs = this.#addEnded(key, world, kept);
    const isRolling = kept.create.length + kept.delete.length === 0 && world.set.spec?.updateStrategy?.type === 'RollingUpdate';
    const created = await this.#perform(key, world, isRolling ? roll(world) : kept);
    return { created, waitMs };
  }

  #addEnded(key: string, { set, nowMs }: DaemonWorld, plan: DaemonPlan): number | undefined {
    const failures = this.#failures.get(key) ?? new Map<string, { count: number; atMs: number }>();
    this.#failures.set(key, failures);
    let waitMs: number | undefined;
    for (const { pod, node } of plan.ended) {
      const failed = pod.status?.phase === 'Failed';
      const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
      const before = failures.get(node);
      const untilMs = before ? before.atMs + backoffMs(before.count, FAILED_BASE_MS, FAILED_MAX_MS) - nowMs : 0;
      if (failed && untilMs > 0) {
        waitMs = Math.min(waitMs ?? untilMs, untilMs);
        continue;
      }
      if (failed) failures.set(node, { count: (before?.count ?? 0) + 1, atMs: nowMs });
      if (failed)
        this.#events.record(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${name} on node ${node}, will try to kill it`);
      else
        this.#events.record(
          set,
          'Normal',
          'SucceededDaemonPod',
          `Found succeeded daemon pod ${name} on node ${node}, will try to delete it`,
        );
      plan.delete.push(pod);
    }
    return waitMs;
  }

  /** Deletes, then creates what the plan says. Returns the pods that it made. */
  async #perform(key: string, { set, hash }: DaemonWorld, plan: DaemonPlan): Promise<Pod[]> {
    const { client } = this.#context;
    const made: Pod[] = [];
    await Promise.all(
      plan.delete.map(async (pod) => {
        const { name = '', namespace = '', uid = '' } = pod.metadata;
        try {
          await client.delete(RESOURCES.pods, name, { namespace, preconditions: { uid } });
          this.#expectations.deleted(key, pod as KubeObject);
          this.#events.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        } catch (error) {
          if (!isStatusError(error, 'NotFound')) throw error;
        }
      }),
    );
    await slowStart(plan.create.length, async (index) => {
      try {
        const created = await client.create(RESOURCES.pods, daemonPod(set, plan.create[index] ?? '', hash));
        this.#expectations.created(key, created);
        made.push(created);
        this.#events.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
      } catch (error) {
        if (isStatusError(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) return;
        this.#events.record(set, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
        throw error;
      }
    });
    return made;
  }

  async #writeStatus(world: DaemonWorld): Promise<void> {
    const status = statusOf(world, world.set.status?.collisionCount);
    if (!semanticEqual(status, world.set.status))
      await this.#context.client.update(RESOURCES.daemonsets, { ...world.set, status }, { subresource: 'status' });
  }
}

function byNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const map = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    if (node) map.set(node, [...(map.get(node) ?? []), pod]);
  }
  return map;
}

export const daemonSetController: Controller = {
  name: 'daemonset',
  user: account('daemon-set-controller'),
  start(context, signal, ready) {
    new DaemonSetController(context, signal, ready);
  },
};
