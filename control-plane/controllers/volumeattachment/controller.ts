// Attachments of CSI volumes to nodes: one for each volume that a pod of the node uses, deleted when none does and the node has
// unmounted it (upstream's attach-detach controller). A driver's attacher acts on them; the node's agent waits for `volumesAttached`.
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';
import { deepEqual, isStatusError } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { uniqueVolumeName } from '../../../kit/placement/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { allowsSeveralNodes, attachmentOf, detachStep, isOurs, multiAttachMessage, needsVolumes } from './decide.ts';

/** Pods are told when an attacher has not answered for so long. */
const ATTACH_PATIENCE_MS = 120_000;
/** The cache is behind what was just read or written: soon it is not, and never for so long. */
const SOON_MS = 100;
const CACHE_BEHIND_MS = 30_000;

const claimKeys = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${pod.metadata.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${pod.metadata.namespace}/${pod.metadata.name}-${name}`] : [];
  });

const volumeNameOf = ({ spec }: VolumeAttachment): string => spec.source.persistentVolumeName ?? '';
const nameOf = ({ metadata }: VolumeAttachment): string => metadata.name ?? '';

interface Wanted {
  volume: PersistentVolume;
  pods: Pod[];
}

class AttachDetach {
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #drivers: Informer<CSIDriver>;
  readonly #attachments: Informer<VolumeAttachment>;
  /** By node, so that a node's status has one writer. */
  readonly #queue: Reconciler;
  /** By attachment: since when nobody needs it. */
  readonly #unneededSinceMs = new Map<string, number>();
  /** By node, then by attachment: when its pods were last told that they wait. */
  readonly #toldMs = new Map<string, Map<string, number>>();
  /** By volume that one node at a time may have: for which it was attached just now. The cache will know of it soon. */
  readonly #attaching = new Map<string, { node: string; untilMs: number }>();

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    const { informers } = context;
    this.#context = context;
    this.#events = context.events('attachdetach-controller');
    this.#nodes = informers.of(RESOURCES.nodes);
    this.#claims = informers.of(RESOURCES.persistentvolumeclaims);
    this.#volumes = informers.of(RESOURCES.persistentvolumes);
    this.#drivers = informers.of(RESOURCES.csidrivers);
    this.#attachments = informers.of(RESOURCES.volumeattachments);
    this.#attachments.addIndex('node', ({ spec }) => [spec.nodeName]);
    this.#attachments.addIndex('volume', (attachment) => [volumeNameOf(attachment)]);
    this.#pods = indexPods(informers);
    this.#pods.addIndex('claim-in-use', (pod) => (pod.spec?.nodeName ? claimKeys(pod) : []));
    this.#queue = reconcilerOf('volume-attachment', context, signal, ready, (node) => this.#reconcile(node));
    this.#follow();
  }

  #follow(): void {
    const podSeen = (pod: Pod) => {
      if (pod.spec?.nodeName && claimKeys(pod).length > 0) this.#queue.add(pod.spec.nodeName);
    };
    this.#pods.on({ added: podSeen, updated: (_, pod) => podSeen(pod), deleted: podSeen });
    const nodeSeen = (node: Node) => {
      if (node.status?.volumesAttached?.length || this.#attachments.by('node', keyOf(node)).length > 0) this.#queue.add(keyOf(node));
    };
    this.#nodes.on({ added: nodeSeen, updated: (_, node) => nodeSeen(node), deleted: nodeSeen });
    const claimSeen = (key: string) => {
      for (const pod of this.#pods.by('claim-in-use', key)) podSeen(pod);
    };
    this.#claims.on({ added: (claim) => claimSeen(keyOf(claim)), updated: (_, claim) => claimSeen(keyOf(claim)) });
    const volumeSeen = ({ spec }: PersistentVolume) => {
      if (spec?.csi && spec.claimRef) claimSeen(`${spec.claimRef.namespace}/${spec.claimRef.name}`);
    };
    this.#volumes.on({ added: volumeSeen, updated: (_, volume) => volumeSeen(volume) });
    const driverSeen = () => {
      for (const { spec } of this.#attachments.list()) this.#queue.add(spec.nodeName);
    };
    this.#drivers.on({ added: driverSeen, updated: driverSeen });
    this.#attachments.on({
      added: (attachment) => {
        this.#attaching.delete(volumeNameOf(attachment));
        this.#queue.add(attachment.spec.nodeName);
      },
      updated: (before, after) => {
        this.#tellProgress(before, after);
        this.#queue.add(after.spec.nodeName);
      },
      deleted: (attachment) => {
        this.#unneededSinceMs.delete(nameOf(attachment));
        this.#queue.add(attachment.spec.nodeName);
        const volume = this.#volumes.get(volumeNameOf(attachment));
        if (volume) volumeSeen(volume); // another node may wait for it
      },
    });
  }

  async #reconcile(nodeName: string): Promise<Outcome> {
    const nowMs = this.#context.clock.nowMs();
    const wanted = this.#wantedOn(nodeName);
    const present = this.#attachments.by('node', nodeName).filter(isOurs);
    const laterMs = [await this.#detach(nodeName, wanted, present, nowMs)];
    if (this.#nodes.get(nodeName))
      for (const [name, one] of wanted) {
        const found = present.find((attachment) => nameOf(attachment) === name);
        laterMs.push(found ? this.#tellSlow(found, one, nowMs) : await this.#attach(name, one, nodeName));
      }
    this.#forgetTold(nodeName, wanted);
    const again = Math.min(...laterMs);
    return Number.isFinite(again) ? { retryAfterMs: again } : done;
  }

  /** Attachments that the node's pods need, by name. */
  #wantedOn(nodeName: string): Map<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    for (const pod of this.#pods.by('node', nodeName)) {
      if (!needsVolumes(pod)) continue;
      for (const key of claimKeys(pod)) {
        const volume = this.#attachable(key);
        if (!volume) continue;
        const name = nameOf(attachmentOf(volume, nodeName));
        const one = wanted.get(name) ?? { volume, pods: [] };
        one.pods.push(pod);
        wanted.set(name, one);
      }
    }
    return wanted;
  }

  /** The volume behind a claim, where its driver attaches. */
  #attachable(claimKey: string): PersistentVolume | undefined {
    const claim = this.#claims.get(claimKey);
    const volume = claim?.status?.phase === 'Bound' ? this.#volumes.get(claim.spec?.volumeName ?? '') : undefined;
    const driver = volume?.spec?.csi?.driver;
    if (driver === undefined || volume?.spec?.claimRef?.uid !== claim?.metadata.uid) return undefined;
    return this.#drivers.get(driver)?.spec.attachRequired === false ? undefined : volume;
  }

  #uniqueName(attachment: VolumeAttachment): string | undefined {
    const csi = this.#volumes.get(volumeNameOf(attachment))?.spec?.csi;
    return csi && uniqueVolumeName(csi.driver, csi.volumeHandle);
  }

  /** Takes away what nobody needs, after the node was told that it may not be mounted. Returns when to look again. */
  async #detach(
    nodeName: string,
    wanted: ReadonlyMap<string, unknown>,
    present: readonly VolumeAttachment[],
    nowMs: number,
  ): Promise<number> {
    const node = this.#nodes.get(nodeName);
    const going = new Map<VolumeAttachment, { safely: boolean }>();
    let againMs = Number.POSITIVE_INFINITY;
    for (const attachment of present) {
      const name = nameOf(attachment);
      if (wanted.has(name)) this.#unneededSinceMs.delete(name);
      if (wanted.has(name) || attachment.metadata.deletionTimestamp) continue;
      const sinceMs = this.#unneededSinceMs.get(name) ?? nowMs;
      this.#unneededSinceMs.set(name, sinceMs);
      const step = detachStep(node, this.#uniqueName(attachment) ?? '', nowMs - sinceMs);
      if (step.do === 'wait') againMs = Math.min(againMs, step.forMs);
      else going.set(attachment, { safely: step.do === 'detach safely' });
    }
    const staying = present.filter((attachment) => !going.has(attachment));
    const told = node && (await this.#report(node, staying, going.size > 0));
    for (const [attachment, { safely }] of going) {
      const unique = this.#uniqueName(attachment);
      // Mounted in this very moment: the next look puts it back into the node's status.
      if (safely && unique !== undefined && told?.status?.volumesInUse?.includes(unique)) againMs = Math.min(againMs, SOON_MS);
      else await this.#delete(nameOf(attachment));
    }
    return againMs;
  }

  async #delete(name: string): Promise<void> {
    await this.#context.client.delete(RESOURCES.volumeattachments, name).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
    });
  }

  /** The node's volumesAttached. Returns the node; `afresh`: as the store has it, whatever the cache says. */
  async #report(node: Node, attachments: readonly VolumeAttachment[], afresh: boolean): Promise<Node> {
    const names = attachments
      .filter(({ metadata, status }) => status?.attached && !metadata.deletionTimestamp)
      .flatMap((attachment) => this.#uniqueName(attachment) ?? []);
    const volumesAttached = names.sort().map((name) => ({ name, devicePath: '' }));
    if (!afresh && deepEqual(node.status?.volumesAttached ?? [], volumesAttached)) return node;
    const status = { volumesAttached: volumesAttached.length > 0 ? volumesAttached : null };
    const params = { subresource: 'status' };
    return (await this.#context.client.patch(RESOURCES.nodes, keyOf(node), 'merge', { status }, params)) as Node;
  }

  /** Infinity: what happens next is heard of. */
  async #attach(name: string, { volume, pods }: Wanted, nodeName: string): Promise<number> {
    const volumeName = volume.metadata.name ?? '';
    if (!allowsSeveralNodes(volume)) {
      const others = this.#attachments.by('volume', volumeName).filter(({ spec }) => spec.nodeName !== nodeName);
      if (others.length > 0) {
        if (this.#lastTold(nodeName, name) === undefined) this.#tellTaken(volume, pods, nodeName);
        this.#nowTold(nodeName, name);
        return Number.POSITIVE_INFINITY;
      }
      const nowMs = this.#context.clock.nowMs();
      const soon = this.#attaching.get(volumeName);
      if (soon && soon.node !== nodeName && soon.untilMs > nowMs) return SOON_MS;
      this.#attaching.set(volumeName, { node: nodeName, untilMs: nowMs + CACHE_BEHIND_MS });
    }
    this.#toldMs.get(nodeName)?.delete(name);
    try {
      await this.#context.client.create(RESOURCES.volumeattachments, attachmentOf(volume, nodeName));
    } catch (error) {
      this.#attaching.delete(volumeName);
      throw error;
    }
    return Number.POSITIVE_INFINITY;
  }

  #lastTold(nodeName: string, attachment: string): number | undefined {
    return this.#toldMs.get(nodeName)?.get(attachment);
  }

  #nowTold(nodeName: string, attachment: string): void {
    const told = this.#toldMs.get(nodeName) ?? new Map<string, number>();
    this.#toldMs.set(nodeName, told.set(attachment, this.#context.clock.nowMs()));
  }

  #forgetTold(nodeName: string, wanted: ReadonlyMap<string, unknown>): void {
    const told = this.#toldMs.get(nodeName);
    for (const name of told?.keys() ?? []) if (!wanted.has(name)) told?.delete(name);
    if (told?.size === 0) this.#toldMs.delete(nodeName);
  }

  #tellTaken(volume: PersistentVolume, pods: readonly Pod[], nodeName: string): void {
    const { namespace, name } = volume.spec?.claimRef ?? {};
    const users = this.#pods.by('claim-in-use', `${namespace}/${name}`);
    const elsewhere = users.filter((pod) => pod.spec?.nodeName !== nodeName && needsVolumes(pod));
    for (const pod of pods)
      this.#tell(pod, 'Warning', 'FailedAttachVolume', multiAttachMessage(volume.metadata.name ?? '', pod.metadata.namespace, elsewhere));
  }

  /** An attacher that does not answer is told about every so often. */
  #tellSlow(attachment: VolumeAttachment, { volume, pods }: Wanted, nowMs: number): number {
    const { metadata, spec, status } = attachment;
    if (status?.attached || status?.attachError || metadata.deletionTimestamp) return Number.POSITIVE_INFINITY;
    const sinceMs = this.#lastTold(spec.nodeName, nameOf(attachment)) ?? (Date.parse(metadata.creationTimestamp ?? '') || nowMs);
    const leftMs = sinceMs + ATTACH_PATIENCE_MS - nowMs;
    if (leftMs > 0) return leftMs;
    this.#nowTold(spec.nodeName, nameOf(attachment));
    const why = `timed out waiting for external-attacher of ${spec.attacher} CSI driver to attach volume ${volume.spec?.csi?.volumeHandle}`;
    for (const pod of pods) this.#tell(pod, 'Warning', 'FailedAttachVolume', attachFailed(volumeNameOf(attachment), why));
    return ATTACH_PATIENCE_MS;
  }

  #tellProgress(before: VolumeAttachment, after: VolumeAttachment): void {
    const pods = () => this.#wantedOn(after.spec.nodeName).get(nameOf(after))?.pods ?? [];
    const volume = volumeNameOf(after);
    const error = after.status?.attachError;
    if (after.status?.attached && !before.status?.attached) {
      const message = `AttachVolume.Attach succeeded for volume "${volume}" `; // upstream's space at the end
      for (const pod of pods()) this.#tell(pod, 'Normal', 'SuccessfulAttachVolume', message);
    } else if (error && error.time !== before.status?.attachError?.time)
      for (const pod of pods()) this.#tell(pod, 'Warning', 'FailedAttachVolume', attachFailed(volume, error.message ?? ''));
  }

  #tell({ metadata }: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#events.record({ apiVersion: 'v1', kind: 'Pod', metadata }, type, reason, message);
  }
}

const attachFailed = (volume: string, why: string): string => `AttachVolume.Attach failed for volume "${volume}" : ${why}`;

export const volumeAttachmentController: Controller = {
  name: 'volume-attachment',
  user: account('attachdetach-controller'),
  start(context, signal, ready) {
    new AttachDetach(context, signal, ready);
  },
};
