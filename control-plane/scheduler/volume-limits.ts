// How many volumes of a driver a node can have attached (CSINode's allocatable.count), and how many it has.
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { CSINode, StorageClass, VolumeAttachment } from '../../api/gen/types/storage.v1.ts';
import { type Informer, type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { storageClassOf, uniqueVolumeName } from '../../kit/placement/index.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

export class VolumeLimits {
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #nodes: Informer<CSINode>;
  readonly #attachments: Informer<VolumeAttachment>;

  constructor(informers: InformerFactory) {
    this.#claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    this.#volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    this.#classes = informers.of<StorageClass>(RESOURCES.storageclasses);
    this.#nodes = informers.of<CSINode>(RESOURCES.csinodes);
    this.#attachments = informers.of<VolumeAttachment>(RESOURCES.volumeattachments);
    this.#attachments.addIndex('node', ({ spec }) => [spec.nodeName]);
  }

  /** Whether a node would have more volumes than it can with the pod's; undefined: the pod brings none. */
  exceeds(pod: PodInfo): ((node: NodeInfo) => boolean) | undefined {
    const wanted = this.#driven(pod);
    if (wanted.size === 0) return undefined;
    return (node) => {
      const limits = this.#limitsOf(node.name);
      if (![...wanted.values()].some((driver) => limits.has(driver))) return false;
      const present = this.#presentOn(node);
      for (const [driver, most] of limits) {
        const had = [...present.values()].filter((other) => other === driver).length;
        const more = [...wanted].filter(([name, other]) => other === driver && !present.has(name)).length;
        if (more > 0 && had + more > most) return true;
      }
      return false;
    };
  }

  #limitsOf(node: string): Map<string, number> {
    const drivers = this.#nodes.get(node)?.spec.drivers ?? [];
    return new Map(drivers.flatMap(({ name, allocatable }) => (allocatable?.count === undefined ? [] : [[name, allocatable.count]])));
  }

  /** Volumes that pods of the node use, and those that are attached without a pod (yet, or any more). */
  #presentOn(node: NodeInfo): Map<string, string> {
    const present = new Map<string, string>();
    for (const other of node.pods.values()) for (const [name, driver] of this.#driven(other)) present.set(name, driver);
    for (const { spec } of this.#attachments.by('node', node.name)) {
      const csi = this.#volumes.get(spec.source.persistentVolumeName ?? '')?.spec?.csi;
      if (csi) present.set(uniqueVolumeName(spec.attacher, csi.volumeHandle), spec.attacher);
    }
    return present;
  }

  /** The pod's volumes that belong to drivers, those included that are still to be made: name and driver. */
  #driven({ claims, namespace }: PodInfo): Map<string, string> {
    const found = new Map<string, string>();
    for (const name of claims) {
      const key = `${namespace}/${name}`;
      const claim = this.#claims.get(key);
      if (!claim) continue;
      const volume = this.#volumes.get(claim.spec?.volumeName ?? '');
      const csi = volume?.spec?.csi;
      const provisioner = volume ? undefined : this.#classes.get(storageClassOf(claim))?.provisioner;
      if (csi) found.set(uniqueVolumeName(csi.driver, csi.volumeHandle), csi.driver);
      else if (provisioner) found.set(`claim ${key}`, provisioner);
    }
    return found;
  }
}
