// Keeps as many pods as a ReplicaSet or ReplicationController asks for: makes, removes, adopts and releases them.
import type { ReplicaSet, ReplicaSetStatus } from '../../../api/gen/types/apps.v1.ts';
import type { Pod, PodTemplateSpec, ReplicationController } from '../../../api/gen/types/core.v1.ts';
import {
  controllerOf,
  controllerReference,
  isStatusError,
  type KubeObject,
  type Selector,
  selectorFrom,
  semanticEqual,
} from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { claim } from '../shared/adoption.ts';
import { slowStart } from '../shared/batches.ts';
import { Expectations, UNSETTLED } from '../shared/expectations.ts';
import { followPods, indexPods, orphansOf } from '../shared/pod-index.ts';
import { isActive } from '../shared/pods.ts';
import { compareForDeletion } from '../shared/ranking.ts';
import { statusOf } from './status.ts';

/** Pods made or removed in one go. */
const BURST = 500;

/** What tells a ReplicaSet from a ReplicationController. */
interface Flavour<T extends KubeObject> {
  name: string;
  /** In events, and as service account. */
  component: string;
  resource: Resource;
  apiVersion: string;
  selector(set: T): Selector;
  template(set: T): PodTemplateSpec | undefined;
}

const replicaSets: Flavour<ReplicaSet> = {
  name: 'replicaset',
  component: 'replicaset-controller',
  resource: RESOURCES.replicasets,
  apiVersion: 'apps/v1',
  selector: (set) => selectorFrom(set.spec?.selector),
  template: (set) => set.spec?.template,
};

const replicationControllers: Flavour<ReplicationController> = {
  name: 'replicationcontroller',
  component: 'replication-controller',
  resource: RESOURCES.replicationcontrollers,
  apiVersion: 'v1',
  selector: (set) => selectorFrom({ matchLabels: set.spec?.selector ?? {} }),
  template: (set) => set.spec?.template,
};

class ReplicaController<T extends ReplicaSet | ReplicationController> {
  readonly #flavour: Flavour<T>;
  readonly #context: ControllerContext;
  readonly #sets: Informer<T>;
  readonly #pods: Informer<Pod>;
  readonly #events: EventRecorder;
  readonly #expectations: Expectations;
  readonly #queue: Reconciler;

  constructor(flavour: Flavour<T>, context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#flavour = flavour;
    this.#context = context;
    this.#events = context.events(flavour.component);
    this.#sets = context.informers.of<T>(flavour.resource);
    this.#pods = indexPods(context.informers);
    this.#sets.addIndex('owner', (set) => [controllerOf(set)?.uid ?? '']);
    this.#expectations = new Expectations(this.#pods as unknown as Informer, context.clock);
    this.#queue = reconcilerOf(flavour.name, context, signal, ready, (key) => this.#reconcile(key));
    const add = (set: T) => this.#queue.add(keyOf(set));
    this.#sets.on({ added: add, updated: (_, set) => add(set), deleted: add });
    const { resource, selector } = flavour;
    followPods(this.#pods, { kind: resource.kind, owners: this.#sets, selectorOf: selector }, (key) => this.#queue.add(key));
  }

  async #reconcile(key: string): Promise<Outcome> {
    const set = this.#sets.get(key);
    if (!set) {
      this.#expectations.forget(key);
      return done;
    }
    const owner = { ...set, apiVersion: this.#flavour.apiVersion, kind: this.#flavour.resource.kind } as KubeObject;
    const settled = this.#expectations.satisfied(key);
    const candidates = [...this.#pods.by('owner', set.metadata.uid ?? ''), ...orphansOf(this.#pods, set.metadata.namespace ?? '')].filter(
      (pod) => !isFinished(pod),
    );
    const { client } = this.#context;
    const pods = await claim<Pod>({
      client,
      resource: RESOURCES.pods,
      owner,
      ownerResource: this.#flavour.resource,
      selector: this.#flavour.selector(set),
      candidates,
    });
    let failure: unknown;
    if (settled && !set.metadata.deletionTimestamp) failure = await this.#manage(key, set, owner, pods).catch((error: unknown) => error);
    const nextMs = await this.#writeStatus(set, pods, failure);
    if (failure) throw failure;
    if (nextMs !== undefined) return { retryAfterMs: nextMs };
    return settled ? done : UNSETTLED;
  }

  async #manage(key: string, set: T, owner: KubeObject, pods: readonly Pod[]): Promise<void> {
    const active = pods.filter(isActive);
    const missing = (set.spec?.replicas ?? 1) - active.length;
    if (missing > 0) await slowStart(Math.min(missing, BURST), () => this.#create(key, set, owner));
    if (missing < 0) {
      const ranked = active.map((pod) => ({ pod, neighbours: this.#neighboursOf(pod, set) }));
      const nowMs = this.#context.clock.nowMs();
      const surplus = ranked.sort((a, b) => compareForDeletion(a, b, nowMs)).slice(0, Math.min(-missing, BURST));
      await Promise.all(surplus.map(({ pod }) => this.#delete(key, owner, pod)));
    }
  }

  async #create(key: string, set: T, owner: KubeObject): Promise<void> {
    const template = this.#flavour.template(set);
    const { labels, annotations, finalizers } = template?.metadata ?? {};
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${set.metadata.name}-`,
        namespace: set.metadata.namespace,
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
        ...(finalizers ? { finalizers } : {}),
        ownerReferences: [controllerReference(owner)],
      },
      spec: template?.spec,
    };
    try {
      const created = await this.#context.client.create(RESOURCES.pods, pod);
      this.#expectations.created(key, created);
      this.#events.record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    } catch (error) {
      // The namespace goes, and so will the set: nothing to tell.
      if (isStatusError(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) return;
      this.#events.record(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
      throw error;
    }
  }

  async #delete(key: string, owner: KubeObject, pod: Pod): Promise<void> {
    const name = pod.metadata.name ?? '';
    try {
      await this.#context.client.delete(RESOURCES.pods, name, {
        namespace: pod.metadata.namespace ?? '',
        preconditions: { uid: pod.metadata.uid ?? '' },
      });
      this.#expectations.deleted(key, pod as KubeObject);
      this.#events.record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      this.#events.record(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Pods of all sets of the same controller that share the pod's node. */
  #neighboursOf(pod: Pod, set: T): number {
    const controller = controllerOf(set)?.uid;
    const sets = controller ? this.#sets.by('owner', controller) : [set];
    const node = pod.spec?.nodeName;
    let count = 0;
    for (const { metadata } of sets)
      for (const other of this.#pods.by('owner', metadata.uid ?? '')) if (isActive(other) && other.spec?.nodeName === node) count++;
    return count;
  }

  /** Returns when to look again because time alone changes the status, in milliseconds. */
  async #writeStatus(set: T, pods: readonly Pod[], failure: unknown): Promise<number | undefined> {
    const counted = {
      replicas: set.spec?.replicas ?? 1,
      template: this.#flavour.template(set),
      minReadySeconds: set.spec?.minReadySeconds ?? 0,
      generation: set.metadata.generation,
      before: set.status as ReplicaSetStatus | undefined,
    };
    const { status, nextMs } = statusOf(
      counted,
      pods,
      failure === undefined ? undefined : (failure as Error).message,
      this.#context.clock.nowMs(),
    );
    if (this.#flavour.apiVersion === 'v1') delete status.terminatingReplicas;
    if (!semanticEqual(status, set.status))
      await this.#context.client.update(
        this.#flavour.resource,
        { ...set, apiVersion: this.#flavour.apiVersion, kind: this.#flavour.resource.kind, status },
        { subresource: 'status' },
      );
    return nextMs;
  }
}

const controllerFor = <T extends ReplicaSet | ReplicationController>(flavour: Flavour<T>): Controller => ({
  name: flavour.name,
  user: account(flavour.component),
  start(context, signal, ready) {
    new ReplicaController(flavour, context, signal, ready);
  },
});

export const replicaSetController = controllerFor(replicaSets);
export const replicationControllerController = controllerFor(replicationControllers);
