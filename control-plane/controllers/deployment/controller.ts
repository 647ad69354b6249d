// Brings the pods of a Deployment to its template by way of ReplicaSets: one for each template it ever had.
import type { Deployment, DeploymentCondition, ReplicaSet } from '../../../api/gen/types/apps.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { controllerOf, isStatusError, type KubeObject, selectorFrom, semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { claim } from '../shared/adoption.ts';
import { findCondition, withCondition } from '../shared/conditions.ts';
import { indexPods } from '../shared/pod-index.ts';
import {
  availableOf,
  byCreation,
  DESIRED,
  newSetReplicas,
  proportionalSizes,
  REVISION,
  type Resize,
  replicasOf,
  revisionOf,
  shrinkOldSets,
  sumOf,
} from './arithmetic.ts';
import { beyondHistory, findNewSet, makeNewSet, newSetAnnotations, nextRevision, sameTemplate, sizeAnnotations } from './revisions.ts';
import { conditionAt, countsOf, deadlineCheckMs, hasDeadline, isComplete, pausedConditions, rolloutStatus } from './status.ts';

/** A Deployment with its sets, in one pass; changed by the steps of the pass. */
interface Pass {
  deployment: Deployment;
  newSet: ReplicaSet | undefined;
  old: ReplicaSet[];
}

const allOf = ({ newSet, old }: Pass): ReplicaSet[] => (newSet ? [...old, newSet] : old);
const active = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((set) => replicasOf(set) > 0);

class DeploymentController {
  readonly #context: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #events: EventRecorder;
  readonly #queue: Reconciler;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#events = context.events('deployment-controller');
    this.#deployments = context.informers.of<Deployment>(RESOURCES.deployments);
    this.#sets = context.informers.of<ReplicaSet>(RESOURCES.replicasets);
    this.#pods = indexPods(context.informers);
    this.#deployments.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    this.#sets.addIndex('owner', (set) => [controllerOf(set)?.uid ?? '']);
    this.#sets.addIndex('orphan', (set) => (controllerOf(set) ? [] : [set.metadata.namespace ?? '']));
    this.#queue = reconcilerOf('deployment', context, signal, ready, (key) => this.#reconcile(key));
    const add = (deployment: Deployment) => this.#queue.add(keyOf(deployment));
    this.#deployments.on({ added: add, updated: (_, deployment) => add(deployment), deleted: add });
    this.#sets.on({
      added: (set) => this.#setSeen(set),
      updated: (before, set) => {
        if (controllerOf(before)?.uid !== controllerOf(set)?.uid) this.#setSeen(before);
        this.#setSeen(set);
      },
      deleted: (set) => this.#setSeen(set),
    });
    this.#pods.on({
      deleted: (pod) => this.#podGone(pod),
      updated: (before, pod) => isFinished(pod) && !isFinished(before) && this.#podGone(pod),
    });
  }

  #setSeen(set: ReplicaSet): void {
    const owner = controllerOf(set);
    if (owner) {
      if (owner.kind === 'Deployment') this.#queue.add(`${set.metadata.namespace}/${owner.name}`);
      return;
    }
    for (const deployment of this.#deployments.by('namespace', set.metadata.namespace ?? '')) {
      if (selectorFrom(deployment.spec?.selector).matches(set.metadata.labels)) this.#queue.add(keyOf(deployment));
    }
  }

  /** Recreate waits for the last old pod to be gone. */
  #podGone(pod: Pod): void {
    const owner = controllerOf(pod);
    const set = owner?.kind === 'ReplicaSet' ? this.#sets.get(`${pod.metadata.namespace}/${owner.name}`) : undefined;
    const name = set && controllerOf(set)?.name;
    const deployment = name ? this.#deployments.get(`${pod.metadata.namespace}/${name}`) : undefined;
    if (deployment?.spec?.strategy?.type === 'Recreate') this.#queue.add(keyOf(deployment));
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cached = this.#deployments.get(key);
    if (!cached) return done;
    const deployment: Deployment = { ...cached, apiVersion: 'apps/v1', kind: 'Deployment' };
    const selector = selectorFrom(deployment.spec?.selector);
    if (selector.empty) {
      this.#events.record(
        deployment,
        'Warning',
        'SelectingAll',
        'This deployment is selecting all pods. A non-empty selector is required.',
      );
      return done;
    }
    const candidates = [
      ...this.#sets.by('owner', deployment.metadata.uid ?? ''),
      ...this.#sets.by('orphan', deployment.metadata.namespace ?? ''),
    ];
    const { client } = this.#context;
    const sets = await claim<ReplicaSet>({
      client,
      resource: RESOURCES.replicasets,
      owner: deployment as KubeObject,
      ownerResource: RESOURCES.deployments,
      selector,
      candidates,
    });
    const newSet = findNewSet(deployment, sets);
    const pass: Pass = { deployment, newSet, old: sets.filter((set) => set !== newSet) };
    if (deployment.metadata.deletionTimestamp) return await this.#syncStatus(pass);
    await this.#tellPaused(pass);
    if (deployment.spec?.paused || this.#isScaling(pass)) return await this.#scale(pass);
    return await (deployment.spec?.strategy?.type === 'Recreate' ? this.#recreate(pass) : this.#roll(pass));
  }

  async #tellPaused(pass: Pass): Promise<void> {
    const conditions = pausedConditions(pass.deployment, this.#context.clock.nowMs());
    if (conditions) await this.#writeDeployment(pass, { status: { ...pass.deployment.status, conditions } });
  }

  /** The replicas were changed since the sets got their sizes. */
  #isScaling(pass: Pass): boolean {
    return active(allOf(pass)).some((set) => {
      const desired = set.metadata.annotations?.[DESIRED];
      return desired !== undefined && Number(desired) !== replicasOf(pass.deployment);
    });
  }

  async #roll(pass: Pass): Promise<Outcome> {
    await this.#syncRevision(pass, true);
    const newSet = pass.newSet as ReplicaSet;
    const wanted = replicasOf(pass.deployment);
    const size = replicasOf(newSet) > wanted ? wanted : newSetReplicas(pass.deployment, allOf(pass), replicasOf(newSet));
    if (await this.#resize(pass, [{ set: newSet, replicas: size }])) return await this.#syncRollout(pass);
    if (await this.#resize(pass, shrinkOldSets(pass.deployment, newSet, pass.old))) return await this.#syncRollout(pass);
    if (isComplete(pass.deployment, pass.deployment.status)) await this.#cleanUp(pass);
    return await this.#syncRollout(pass);
  }

  async #recreate(pass: Pass): Promise<Outcome> {
    if (pass.newSet) await this.#syncRevision(pass, false);
    if (
      await this.#resize(
        pass,
        active(pass.old).map((set) => ({ set, replicas: 0 })),
      )
    )
      return await this.#syncRollout(pass);
    const oldPods = pass.old.flatMap((set) => this.#pods.by('owner', set.metadata.uid ?? ''));
    if (sumOf(pass.old, (set) => set.status?.replicas ?? 0) > 0 || oldPods.some((pod) => !isFinished(pod)))
      return await this.#syncRollout(pass);
    await this.#syncRevision(pass, true);
    await this.#resize(pass, [{ set: pass.newSet as ReplicaSet, replicas: replicasOf(pass.deployment) }]);
    if (isComplete(pass.deployment, pass.deployment.status)) await this.#cleanUp(pass);
    return await this.#syncRollout(pass);
  }

  /** Sizes only: while paused, or when the replicas were changed. */
  async #scale(pass: Pass): Promise<Outcome> {
    await this.#syncRevision(pass, false);
    const { deployment, newSet, old } = pass;
    const wanted = replicasOf(deployment);
    const running = active(allOf(pass));
    const latest = running.length === 0 ? (newSet ?? [...old].sort(byCreation).at(-1)) : running.length === 1 ? running[0] : undefined;
    if (latest) await this.#resize(pass, [{ set: latest, replicas: wanted }]);
    else if (newSet && this.#isSaturated(deployment, newSet))
      await this.#resize(
        pass,
        active(old).map((set) => ({ set, replicas: 0 })),
      );
    else if (running.length > 1 && deployment.spec?.strategy?.type !== 'Recreate')
      await this.#resize(pass, proportionalSizes(deployment, running), true);
    if (deployment.spec?.paused) await this.#cleanUp(pass);
    return await this.#syncStatus(pass);
  }

  #isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
    const wanted = replicasOf(deployment);
    return Number(set.metadata.annotations?.[DESIRED]) === wanted && replicasOf(set) === wanted && availableOf(set) === wanted;
  }

  /** The set of the present template: numbered, annotated, made when `create` says so. */
  async #syncRevision(pass: Pass, create: boolean): Promise<void> {
    const revision = nextRevision(pass.old);
    if (pass.newSet) await this.#updateNewSet(pass, pass.newSet, revision);
    else if (create) await this.#createNewSet(pass, revision);
  }

  async #updateNewSet(pass: Pass, newSet: ReplicaSet, revision: bigint): Promise<void> {
    const { deployment } = pass;
    const annotations = newSetAnnotations(deployment, newSet, revision);
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    if (!semanticEqual(annotations, newSet.metadata.annotations) || (newSet.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
      const changed = {
        ...newSet,
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { ...newSet.metadata, annotations },
        spec: { ...newSet.spec, minReadySeconds },
      };
      pass.newSet = await this.#context.client.update<ReplicaSet>(RESOURCES.replicasets, changed);
    }
    const nowMs = this.#context.clock.nowMs();
    const found = hasDeadline(deployment) && !findCondition(deployment.status?.conditions, 'Progressing');
    const conditions = found
      ? [conditionAt('Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${newSet.metadata.name}"`, nowMs)]
      : [];
    await this.#tellRevision(pass, annotations[REVISION] ?? String(revision), conditions);
  }

  async #createNewSet(pass: Pass, revision: bigint): Promise<void> {
    const { deployment, old } = pass;
    const { client, clock } = this.#context;
    const made = makeNewSet(deployment, revision);
    const replicas = newSetReplicas(deployment, old, 0);
    let created: ReplicaSet;
    let existed = false;
    try {
      created = await client.create<ReplicaSet>(RESOURCES.replicasets, { ...made, spec: { ...made.spec, replicas } });
    } catch (error) {
      const same = isStatusError(error, 'AlreadyExists') ? await this.#sameSet(pass, made) : undefined;
      if (!same) {
        await this.#tellCreateFailed(pass, made, error);
        throw error;
      }
      existed = true;
      created = same;
    }
    pass.newSet = created;
    if (!existed && replicas > 0) this.#tellScaled(deployment, made, 0, replicas);
    const conditions =
      existed || !hasDeadline(deployment)
        ? []
        : [conditionAt('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${made.metadata.name}"`, clock.nowMs())];
    await this.#tellRevision(pass, String(revision), conditions);
  }

  /** The name is taken: by our own set that the cache does not show yet, or by another template with the same hash. */
  async #sameSet(pass: Pass, made: ReplicaSet): Promise<ReplicaSet | undefined> {
    const { deployment } = pass;
    const existing = await this.#context.client.get<ReplicaSet>(RESOURCES.replicasets, made.metadata.name ?? '', {
      namespace: deployment.metadata.namespace ?? '',
    });
    if (controllerOf(existing)?.uid === deployment.metadata.uid && sameTemplate(existing.spec?.template, deployment.spec?.template))
      return existing;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await this.#writeDeployment(pass, { status: { ...deployment.status, collisionCount } });
    return undefined;
  }

  async #tellCreateFailed(pass: Pass, made: ReplicaSet, error: unknown): Promise<void> {
    const { deployment } = pass;
    if (
      isStatusError(error, 'AlreadyExists') ||
      (isStatusError(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating'))
    )
      return;
    const message = `Failed to create new replica set "${made.metadata.name}": ${(error as Error).message}`;
    this.#events.record(deployment, 'Warning', 'ReplicaSetCreateError', message);
    if (!hasDeadline(deployment)) return;
    const condition = conditionAt('Progressing', 'False', 'ReplicaSetCreateError', message, this.#context.clock.nowMs());
    await this.#writeDeployment(pass, {
      status: { ...deployment.status, conditions: withCondition(deployment.status?.conditions, condition) },
    });
  }

  async #tellRevision(pass: Pass, revision: string, conditions: readonly DeploymentCondition[]): Promise<void> {
    const { metadata, status } = pass.deployment;
    if (String(revisionOf(pass.deployment)) === revision && conditions.length === 0) return;
    const all = conditions.reduce<DeploymentCondition[]>((list, condition) => withCondition(list, condition), status?.conditions ?? []);
    await this.#writeDeployment(pass, {
      metadata: { ...metadata, annotations: { ...metadata.annotations, [REVISION]: revision } },
      status: { ...status, conditions: all },
    });
  }

  /** Returns whether any size changed. `annotate`: sets of the right size get the annotations of the new whole too. */
  async #resize(pass: Pass, sizes: readonly Resize[], annotate = false): Promise<boolean> {
    let changed = false;
    for (const { set, replicas } of sizes) {
      const before = replicasOf(set);
      const annotations = { ...set.metadata.annotations, ...sizeAnnotations(pass.deployment) };
      if (before === replicas && (!annotate || semanticEqual(annotations, set.metadata.annotations))) continue;
      const next = {
        ...set,
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { ...set.metadata, annotations },
        spec: { ...set.spec, replicas },
      };
      const written = await this.#context.client.update<ReplicaSet>(RESOURCES.replicasets, next);
      if (set === pass.newSet) pass.newSet = written;
      else pass.old = pass.old.map((other) => (other === set ? written : other));
      if (before === replicas) continue;
      changed = true;
      this.#tellScaled(pass.deployment, set, before, replicas);
    }
    return changed;
  }

  #tellScaled(deployment: Deployment, set: ReplicaSet, from: number, to: number): void {
    this.#events.record(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${from < to ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`,
    );
  }

  async #cleanUp(pass: Pass): Promise<void> {
    for (const { metadata } of beyondHistory(pass.deployment, pass.old)) {
      await this.#context.client
        .delete(RESOURCES.replicasets, metadata.name ?? '', { namespace: metadata.namespace ?? '', propagationPolicy: 'Background' })
        .catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
    }
  }

  async #syncStatus(pass: Pass): Promise<Outcome> {
    await this.#writeDeployment(pass, { status: countsOf(pass.deployment, pass.newSet, allOf(pass), this.#context.clock.nowMs()) });
    return done;
  }

  async #syncRollout(pass: Pass): Promise<Outcome> {
    const nowMs = this.#context.clock.nowMs();
    const status = rolloutStatus(pass.deployment, pass.newSet, allOf(pass), nowMs);
    await this.#writeDeployment(pass, { status });
    const checkMs = deadlineCheckMs(pass.deployment, status, nowMs);
    return checkMs === undefined ? done : { retryAfterMs: checkMs };
  }

  /** Status, and the revision annotation with it (/status of built-in kinds stores annotations). */
  async #writeDeployment(pass: Pass, changes: Partial<Deployment>): Promise<void> {
    const next = { ...pass.deployment, ...changes };
    if (semanticEqual(next, pass.deployment)) return;
    const written = await this.#context.client.update<Deployment>(RESOURCES.deployments, next, { subresource: 'status' });
    pass.deployment = { ...written, apiVersion: 'apps/v1', kind: 'Deployment' };
  }
}

export const deploymentController: Controller = {
  name: 'deployment',
  user: account('deployment-controller'),
  start(context, signal, ready) {
    new DeploymentController(context, signal, ready);
  },
};
