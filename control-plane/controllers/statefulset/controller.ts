// Keeps the pods of a StatefulSet: each with a name, a place in the order and claims of its own.
import type { ControllerRevision, StatefulSet } from '../../../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from '../../../api/gen/types/core.v1.ts';
import { controllerOf, isStatusError, type KubeObject, type OwnerReference, selectorFrom, semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { claim } from '../shared/adoption.ts';
import { Expectations, UNSETTLED } from '../shared/expectations.ts';
import { HISTORY_HASH, type HistoryOwner, presentRevision, REVISION_HASH, trimHistory } from '../shared/history.ts';
import { followPods, indexPods, orphansOf } from '../shared/pod-index.ts';
import { availableInMs } from '../shared/pods.ts';
import { isStaleFor, judgeClaim } from './claim-owners.ts';
import { type StatefulWorld, type Step, statusOf, stepsOf } from './plan.ts';
import { claimsOf, isCondemned, ordinalOf, podNameOf, statefulPod } from './pod.ts';

/** A claim of an earlier pod is going: looked for again after so long. */
const STALE_CLAIM_MS = 1_000;

class StatefulSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<StatefulSet>;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #events: EventRecorder;
  readonly #expectations: Expectations;
  readonly #queue: Reconciler;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#events = context.events('statefulset-controller');
    this.#sets = context.informers.of<StatefulSet>(RESOURCES.statefulsets);
    this.#claims = context.informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    this.#revisions = context.informers.of<ControllerRevision>(RESOURCES.controllerrevisions);
    this.#revisions.addIndex('owner', (revision) => [controllerOf(revision)?.uid ?? '']);
    this.#pods = indexPods(context.informers);
    this.#expectations = new Expectations(this.#pods as unknown as Informer, context.clock);
    this.#queue = reconcilerOf('statefulset', context, signal, ready, (key) => this.#reconcile(key));
    const add = (set: StatefulSet) => this.#queue.add(keyOf(set));
    this.#sets.on({ added: add, updated: (_, set) => add(set), deleted: add });
    const owners = { kind: 'StatefulSet', owners: this.#sets, selectorOf: (set: StatefulSet) => selectorFrom(set.spec?.selector) };
    followPods(this.#pods, owners, (key) => this.#queue.add(key));
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cached = this.#sets.get(key);
    if (!cached) {
      this.#expectations.forget(key);
      return done;
    }
    if (cached.metadata.deletionTimestamp) return done;
    if (!this.#expectations.satisfied(key)) return UNSETTLED;
    const { client, clock } = this.#context;
    const set: StatefulSet = { ...cached, apiVersion: 'apps/v1', kind: 'StatefulSet' };
    const revisions = this.#revisions.by('owner', set.metadata.uid ?? '');
    const collisionCount = set.status?.collisionCount ?? 0;
    const { present, collision } = await presentRevision(client, set as unknown as HistoryOwner, revisions, collisionCount, HISTORY_HASH);
    const updateRevision = present.metadata.name ?? '';
    const current = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? present;
    const candidates = [...this.#pods.by('owner', set.metadata.uid ?? ''), ...orphansOf(this.#pods, set.metadata.namespace ?? '')].filter(
      (pod) => ordinalOf(set, pod) !== undefined,
    );
    const selector = selectorFrom(set.spec?.selector);
    const pods = await claim<Pod>({
      client,
      resource: RESOURCES.pods,
      owner: set as KubeObject,
      ownerResource: RESOURCES.statefulsets,
      selector,
      candidates,
    });
    const world: StatefulWorld = { set, pods, currentRevision: current.metadata.name ?? '', updateRevision, nowMs: clock.nowMs() };
    const templates = new Map([current, present].map((revision) => [revision.metadata.name ?? '', templateOf(revision)]));
    const steps = collision ? [] : stepsOf(world);
    const stale = steps.findIndex((step) => step.do === 'create' && this.#hasStaleClaim(set, step.ordinal));
    try {
      for (const pod of pods) await this.#ownClaims(set, pod);
      for (const step of stale < 0 ? steps : steps.slice(0, stale)) await this.#perform(key, set, step, templates);
    } finally {
      await this.#writeStatus(world, collision ? collisionCount + 1 : collisionCount);
    }
    const live = new Set([world.currentRevision, updateRevision, ...pods.map(({ metadata }) => metadata.labels?.[REVISION_HASH] ?? '')]);
    await trimHistory(client, set as unknown as HistoryOwner, revisions, live);
    const waits = pods.flatMap((pod) => availableInMs(pod, set.spec?.minReadySeconds ?? 0, world.nowMs) ?? []).filter((ms) => ms > 0);
    if (stale >= 0) waits.push(STALE_CLAIM_MS);
    return waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : done;
  }

  async #perform(key: string, set: StatefulSet, step: Step, templates: ReadonlyMap<string, PodTemplateSpec>): Promise<void> {
    if (step.do === 'create') await this.#create(key, set, step.ordinal, step.revision, templates.get(step.revision) as PodTemplateSpec);
    else await this.#delete(key, set, step);
  }

  async #create(key: string, set: StatefulSet, ordinal: number, revision: string, template: PodTemplateSpec): Promise<void> {
    const { client } = this.#context;
    const name = podNameOf(set, ordinal);
    try {
      for (const body of claimsOf(set, ordinal)) await this.#createClaim(set, name, body);
      this.#expectations.created(key, await client.create(RESOURCES.pods, statefulPod(set, template, revision, ordinal)));
      this.#events.record(set, 'Normal', 'SuccessfulCreate', `Create Pod ${name} in StatefulSet ${set.metadata.name} successful`);
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) return;
      if (isStatusError(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) return;
      this.#events.record(
        set,
        'Warning',
        'FailedCreate',
        `Create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`,
      );
      throw error;
    }
  }

  async #createClaim(set: StatefulSet, pod: string, body: PersistentVolumeClaim): Promise<void> {
    if (this.#claims.get(keyOf(body))) return;
    try {
      await this.#context.client.create(RESOURCES.persistentvolumeclaims, body);
      this.#events.record(
        set,
        'Normal',
        'SuccessfulCreate',
        `Create Claim ${body.metadata.name} Pod ${pod} in StatefulSet ${set.metadata.name} success`,
      );
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  async #delete(key: string, set: StatefulSet, { pod, why }: Step & { do: 'delete' }): Promise<void> {
    const { name = '', namespace = '', uid = '' } = pod.metadata;
    if (why === 'failed')
      this.#events.record(
        set,
        'Warning',
        'RecreatingFailedPod',
        `StatefulSet ${namespace}/${set.metadata.name} is recreating failed Pod ${name}`,
      );
    try {
      await this.#context.client.delete(RESOURCES.pods, name, { namespace, preconditions: { uid } });
      this.#expectations.deleted(key, pod as KubeObject);
      this.#events.record(set, 'Normal', 'SuccessfulDelete', `Delete Pod ${name} in StatefulSet ${set.metadata.name} successful`);
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      this.#events.record(
        set,
        'Warning',
        'FailedDelete',
        `Delete Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`,
      );
      throw error;
    }
  }

  /** The retention policy may have changed since the claims were made, or the pod is scaled away. */
  async #ownClaims(set: StatefulSet, pod: Pod): Promise<void> {
    const ordinal = ordinalOf(set, pod);
    if (ordinal === undefined) return;
    const isScaledAway = isCondemned(set, ordinal);
    if (pod.metadata.deletionTimestamp && !isScaledAway) return;
    for (const claim of this.#presentClaims(set, ordinal)) {
      const { owners, conflict } = judgeClaim(claim, set, pod, isScaledAway);
      if (!owners) continue;
      if (conflict) {
        const why = 'has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim';
        this.#events.record(set, 'Warning', 'ConflictingController', `PersistentVolumeClaim ${claim.metadata.name} ${why}`);
      }
      await this.#giveOwners(claim, owners);
    }
  }

  #presentClaims(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
    return claimsOf(set, ordinal).flatMap(({ metadata }) => this.#claims.get(keyOf({ metadata })) ?? []);
  }

  #hasStaleClaim(set: StatefulSet, ordinal: number): boolean {
    return this.#presentClaims(set, ordinal).some((claim) => isStaleFor(claim, set, podNameOf(set, ordinal)));
  }

  async #giveOwners(claim: PersistentVolumeClaim, ownerReferences: OwnerReference[]): Promise<void> {
    const { ownerReferences: _, ...metadata } = claim.metadata;
    const owned = ownerReferences.length > 0 ? { ownerReferences } : {};
    await this.#context.client.update(RESOURCES.persistentvolumeclaims, { ...claim, metadata: { ...metadata, ...owned } });
  }

  async #writeStatus(world: StatefulWorld, collisionCount: number): Promise<void> {
    const status = statusOf(world, collisionCount);
    if (!semanticEqual(status, world.set.status))
      await this.#context.client.update(RESOURCES.statefulsets, { ...world.set, status }, { subresource: 'status' });
  }
}

function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as { spec: { template: PodTemplateSpec & { $patch?: string } } }).spec.template;
  return template;
}

export const statefulSetController: Controller = {
  name: 'statefulset',
  user: account('statefulset-controller'),
  start(context, signal, ready) {
    new StatefulSetController(context, signal, ready);
  },
};
