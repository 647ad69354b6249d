// The built-in storage class: claims get a folder of their pod's node. Volumes are made and let go here; agents make and remove the folders.
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../../api/gen/types/storage.v1.ts';
import { compareQuantities, isStatusError } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { LOCAL_PATH, LOCAL_PATH_FINALIZER, localPathNode, SELECTED_NODE, storageClassOf } from '../../../kit/placement/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { newVolume, refusal, standardClass } from './volume.ts';

const PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
const AGAIN = { retryAfterMs: 15_000 };

class LocalPathController {
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #nodes: Informer<Node>;
  readonly #claimQueue: Reconciler;
  readonly #volumeQueue: Reconciler;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    const { informers } = context;
    this.#context = context;
    this.#events = context.events(LOCAL_PATH);
    this.#claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    this.#volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    this.#classes = informers.of<StorageClass>(RESOURCES.storageclasses);
    this.#nodes = informers.of<Node>(RESOURCES.nodes);
    this.#claimQueue = reconcilerOf('local-path', context, signal, ready, (key) => this.#syncClaim(key));
    this.#volumeQueue = reconcilerOf('local-path-volume', context, signal, ready, (name) => this.#syncVolume(name));
    this.#follow();
    const classQueue = reconcilerOf('local-path-class', context, signal, ready, () => this.#makeClass());
    classQueue.add(standardClass.metadata.name ?? '');
  }

  #follow(): void {
    const claimSeen = (claim: PersistentVolumeClaim) => this.#claimQueue.add(keyOf(claim));
    this.#claims.on({ added: claimSeen, updated: (_, claim) => claimSeen(claim) });
    const volumeSeen = (volume: PersistentVolume) => localPathNode(volume) !== undefined && this.#volumeQueue.add(keyOf(volume));
    this.#volumes.on({ added: volumeSeen, updated: (_, volume) => volumeSeen(volume) });
    this.#nodes.on({ deleted: () => this.#volumes.list().forEach(volumeSeen) });
  }

  /** Once a start; deleted by a user it stays away until the next. */
  async #makeClass(): Promise<Outcome> {
    if (!this.#classes.get(standardClass.metadata.name ?? '')) await this.#context.client.create(RESOURCES.storageclasses, standardClass);
    return done;
  }

  async #syncClaim(key: string): Promise<Outcome> {
    const found = this.#claims.get(key);
    if (!found || found.metadata.deletionTimestamp) return done;
    const claim: PersistentVolumeClaim = { ...found, apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
    if (claim.spec?.volumeName) return this.#expand(claim);
    const { annotations = {} } = claim.metadata;
    const of = this.#classes.get(storageClassOf(claim));
    if (!of || of.provisioner !== LOCAL_PATH || annotations[PROVISIONER] !== LOCAL_PATH) return done;
    const chosen = annotations[SELECTED_NODE];
    const node = chosen === undefined ? undefined : this.#nodes.get(chosen);
    if (chosen !== undefined && !node) return this.#chooseAnew(claim);
    const why = refusal(claim, node);
    if (why !== undefined || !node) {
      const message = `failed to provision volume with StorageClass "${of.metadata.name}": ${why}`;
      this.#events.record(claim, 'Warning', 'ProvisioningFailed', message);
      return AGAIN;
    }
    const volume = newVolume(claim, of, node);
    if (this.#volumes.get(volume.metadata.name ?? '')) return done;
    this.#events.record(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim "${key}"`);
    await this.#context.client.create(RESOURCES.persistentvolumes, volume).catch((error: unknown) => {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    });
    this.#events.record(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume.metadata.name}`);
    return done;
  }

  /** The node has gone since it was chosen: the scheduler chooses another. */
  async #chooseAnew({ metadata }: PersistentVolumeClaim): Promise<Outcome> {
    const { name = '', namespace = '', uid, resourceVersion } = metadata;
    const patch = { metadata: { uid, resourceVersion, annotations: { [SELECTED_NODE]: null } } };
    await this.#context.client.patch(RESOURCES.persistentvolumeclaims, name, 'merge', patch, { namespace });
    return done;
  }

  /** A folder grows by saying so: first the volume, then the claim. */
  async #expand(claim: PersistentVolumeClaim): Promise<Outcome> {
    const volume = this.#volumes.get(claim.spec?.volumeName ?? '');
    if (!volume || localPathNode(volume) === undefined || claim.status?.phase !== 'Bound') return done;
    const wanted = claim.spec?.resources?.requests?.['storage'] ?? '0';
    const had = claim.status.capacity?.['storage'] ?? '0';
    if (compareQuantities(wanted, had) <= 0) return done;
    const { client } = this.#context;
    const name = volume.metadata.name ?? '';
    this.#events.record(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${name}`);
    if (compareQuantities(volume.spec?.capacity?.['storage'] ?? '0', wanted) < 0)
      await client.patch(RESOURCES.persistentvolumes, name, 'merge', { spec: { capacity: { storage: wanted } } });
    const status = { ...claim.status, capacity: { ...claim.status.capacity, storage: wanted } };
    await client.update(RESOURCES.persistentvolumeclaims, { ...claim, status }, { subresource: 'status' });
    this.#events.record(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
    return done;
  }

  async #syncVolume(name: string): Promise<Outcome> {
    const volume = this.#volumes.get(name);
    const node = volume && localPathNode(volume);
    if (!volume || node === undefined) return done;
    const { uid, resourceVersion, deletionTimestamp, finalizers = [] } = volume.metadata;
    const { client } = this.#context;
    if (!deletionTimestamp) {
      if (volume.status?.phase === 'Released' && volume.spec?.persistentVolumeReclaimPolicy === 'Delete')
        await client.delete(RESOURCES.persistentvolumes, name, uid ? { preconditions: { uid } } : {});
      return done;
    }
    // The folder went with its node: nobody else would take the finalizer off.
    if (finalizers.includes(LOCAL_PATH_FINALIZER) && !this.#nodes.get(node)) {
      const others = finalizers.filter((finalizer) => finalizer !== LOCAL_PATH_FINALIZER);
      const metadata = { uid, resourceVersion, finalizers: others.length > 0 ? others : null };
      await client.patch(RESOURCES.persistentvolumes, name, 'merge', { metadata });
    }
    return done;
  }
}

export const localPathController: Controller = {
  name: 'local-path',
  user: account('local-path-provisioner'),
  start(context, signal, ready) {
    new LocalPathController(context, signal, ready);
  },
};
