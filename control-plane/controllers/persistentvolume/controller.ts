// Binds claims and volumes to each other, and says what becomes of a volume whose claim is gone.
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
  PersistentVolumeStatus,
  Pod,
} from '../../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../../api/gen/types/storage.v1.ts';
import { semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { BOUND_BY_CONTROLLER, boundVolume, isBoundTo } from '../../../kit/placement/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { BIND_COMPLETED, claimStep, type Note, volumeStep } from './decide.ts';

/** What is not bound is looked at again, and told about again, every so often (upstream's sync period). */
const AGAIN = { retryAfterMs: 15_000 };
const PROVISIONER = ['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner'];

class PersistentVolumeController {
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #pods: Informer<Pod>;
  readonly #claimQueue: Reconciler;
  readonly #volumeQueue: Reconciler;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    const { informers } = context;
    this.#context = context;
    this.#events = context.events('persistentvolume-controller');
    this.#claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    this.#volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    this.#classes = informers.of<StorageClass>(RESOURCES.storageclasses);
    this.#pods = indexPods(informers);
    this.#pods.addIndex('claim-name', (pod) =>
      (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: source }) =>
        source ? [`${pod.metadata.namespace}/${source.claimName}`] : [],
      ),
    );
    this.#claims.addIndex('volume', ({ spec }) => (spec?.volumeName ? [spec.volumeName] : []));
    // One at a time: two claims must not choose the same volume.
    this.#claimQueue = reconcilerOf('persistentvolumeclaim', context, signal, ready, (key) => this.#syncClaim(key), 1);
    this.#volumeQueue = reconcilerOf('persistentvolume', context, signal, ready, (name) => this.#syncVolume(name));
    this.#follow();
  }

  #follow(): void {
    const claimSeen = (claim: PersistentVolumeClaim) => {
      this.#claimQueue.add(keyOf(claim));
      if (claim.spec?.volumeName) this.#volumeQueue.add(claim.spec.volumeName);
    };
    const claimGone = (claim: PersistentVolumeClaim) => {
      for (const volume of this.#volumes.list()) if (isBoundTo(volume, claim)) this.#volumeQueue.add(keyOf(volume));
    };
    this.#claims.on({ added: claimSeen, updated: (_, claim) => claimSeen(claim), deleted: claimGone });
    const volumeSeen = (volume: PersistentVolume) => {
      this.#volumeQueue.add(keyOf(volume));
      for (const claim of this.#claims.by('volume', keyOf(volume))) this.#claimQueue.add(keyOf(claim));
      if (volume.status?.phase !== 'Available') return;
      for (const claim of this.#claims.list()) if (!claim.spec?.volumeName) this.#claimQueue.add(keyOf(claim));
    };
    this.#volumes.on({ added: volumeSeen, updated: (_, volume) => volumeSeen(volume), deleted: volumeSeen });
    this.#classes.on({
      added: () => {
        for (const claim of this.#claims.list()) if (!claim.spec?.volumeName) this.#claimQueue.add(keyOf(claim));
      },
    });
  }

  async #syncClaim(key: string): Promise<Outcome> {
    const found = this.#claims.get(key);
    if (!found) return done;
    const claim: PersistentVolumeClaim = { ...found, apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
    const waiting = this.#pods.by('claim-name', key).find((pod) => !pod.spec?.nodeName && !isFinished(pod));
    const step = claimStep(claim, {
      volume: (name) => this.#volumes.get(name),
      volumes: () => this.#volumes.list(),
      storageClass: (name) => this.#classes.get(name),
      waitingPod: waiting?.metadata.name,
    });
    if (step.do === 'bind') {
      await this.#bind(claim, step.volume);
      return done;
    }
    if (step.do === 'lose') {
      if (claim.status?.phase === 'Lost') return done;
      await this.#claimStatus(claim, { phase: 'Lost' });
      this.#tell(claim, step.note);
      return done;
    }
    if (step.note) this.#tell(claim, step.note);
    if (step.do === 'provision') await this.#askProvisioner(claim, step.provisioner);
    else await this.#claimStatus(claim, { phase: 'Pending' });
    return AGAIN;
  }

  /** External provisioners look for their name in the claim. */
  async #askProvisioner(claim: PersistentVolumeClaim, provisioner: string): Promise<void> {
    const { annotations = {} } = claim.metadata;
    if (PROVISIONER.every((key) => annotations[key] === provisioner)) return;
    const wanted = Object.fromEntries(PROVISIONER.map((key) => [key, provisioner]));
    const metadata = { ...claim.metadata, annotations: { ...annotations, ...wanted } };
    await this.#context.client.update(RESOURCES.persistentvolumeclaims, { ...claim, metadata });
  }

  /** Each write is safe to repeat: after a crash the rest follows. */
  async #bind(claim: PersistentVolumeClaim, found: PersistentVolume): Promise<void> {
    const volume = await this.#bindVolume(claim, found);
    await this.#volumePhase(volume, 'Bound');
    const bound = await this.#bindClaim(claim, volume);
    const { accessModes = [], capacity = {} } = volume.spec ?? {};
    const size = bound.status?.phase === 'Bound' ? (bound.status.capacity ?? capacity) : capacity;
    await this.#claimStatus(bound, { ...bound.status, phase: 'Bound', accessModes, capacity: size });
  }

  async #bindVolume(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolume> {
    if (volume.spec?.claimRef?.uid === claim.metadata.uid) return volume;
    const next = boundVolume(volume, claim);
    return (await this.#context.client.update(RESOURCES.persistentvolumes, next)) as PersistentVolume;
  }

  async #bindClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolumeClaim> {
    const { annotations = {} } = claim.metadata;
    const name = volume.metadata.name ?? '';
    if (claim.spec?.volumeName === name && annotations[BIND_COMPLETED] !== undefined) return claim;
    const byController = claim.spec?.volumeName ? {} : { [BOUND_BY_CONTROLLER]: 'yes' };
    const next = {
      ...claim,
      metadata: { ...claim.metadata, annotations: { ...annotations, ...byController, [BIND_COMPLETED]: 'yes' } },
      spec: { ...claim.spec, volumeName: name },
    };
    return (await this.#context.client.update(RESOURCES.persistentvolumeclaims, next)) as PersistentVolumeClaim;
  }

  async #syncVolume(name: string): Promise<Outcome> {
    const volume = this.#volumes.get(name);
    if (!volume) return done;
    const { namespace = '', name: claimName = '', uid } = volume.spec?.claimRef ?? {};
    const named = uid ? this.#claims.get(`${namespace}/${claimName}`) : undefined;
    const step = volumeStep(volume, named?.metadata.uid === uid ? named : undefined);
    if (step.do === 'ask') this.#claimQueue.add(`${namespace}/${claimName}`);
    if (step.do === 'unbind') await this.#unbind(volume);
    if (step.do === 'phase') {
      await this.#volumePhase(volume, step.phase, step.note?.message);
      if (step.note) this.#tell({ ...volume, apiVersion: 'v1', kind: 'PersistentVolume' }, step.note);
    }
    return done;
  }

  /** What the controller bound, it lets go; what a user bound beforehand waits for its claim again. */
  async #unbind(volume: PersistentVolume): Promise<void> {
    const { [BOUND_BY_CONTROLLER]: byController, ...annotations } = volume.metadata.annotations ?? {};
    const { claimRef, ...rest } = volume.spec ?? {};
    const { uid: _uid, resourceVersion: _version, ...reserved } = claimRef ?? {};
    const spec = byController === undefined ? { ...rest, claimRef: reserved } : rest;
    await this.#context.client.update(RESOURCES.persistentvolumes, { ...volume, metadata: { ...volume.metadata, annotations }, spec });
  }

  async #volumePhase(volume: PersistentVolume, phase: string, message?: string): Promise<void> {
    if (volume.status?.phase === phase) return;
    const { message: _before, ...kept } = volume.status ?? {};
    const status: PersistentVolumeStatus = { ...kept, phase, ...(message === undefined ? {} : { message }) };
    await this.#context.client.update(RESOURCES.persistentvolumes, { ...volume, status }, { subresource: 'status' });
  }

  async #claimStatus(claim: PersistentVolumeClaim, status: PersistentVolumeClaimStatus): Promise<void> {
    if (semanticEqual(claim.status, status)) return;
    await this.#context.client.update(RESOURCES.persistentvolumeclaims, { ...claim, status }, { subresource: 'status' });
  }

  #tell(object: PersistentVolume | PersistentVolumeClaim, { type, reason, message }: Note): void {
    this.#events.record(object, type, reason, message);
  }
}

export const persistentVolumeController: Controller = {
  name: 'persistentvolume',
  user: account('persistent-volume-binder'),
  start(context, signal, ready) {
    new PersistentVolumeController(context, signal, ready);
  },
};
