// Persistent volumes of a pod: from its claim to the volume behind it, checked as the kubelet checks it.
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { nodeSelectorMatches } from '../../kit/placement/index.ts';
import { everyContainer } from '../../kit/pods/index.ts';
import { VolumeProblem } from './payload.ts';

export interface Claimed {
  claim: PersistentVolumeClaim & KubeObject;
  volume: PersistentVolume & KubeObject;
}

/** The claim that the pod's volume stands for: its own, or the one made from the template in the pod. */
function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral) return `${pod.metadata.name}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

/** @throws VolumeProblem while the claim is not bound, goes, or is another pod's */
export async function claimedVolume(client: Client, pod: Pod, volume: Volume): Promise<Claimed> {
  const namespace = pod.metadata.namespace ?? '';
  const name = claimNameOf(pod, volume) ?? '';
  const problem = (why: string) => new VolumeProblem(`error processing PVC ${namespace}/${name}: ${why}`, 'process');
  const claim = await client
    .get<Claimed['claim']>(RESOURCES.persistentvolumeclaims, name, { namespace })
    .catch((error: Error) => Promise.reject(problem(`failed to fetch PVC from API server: ${error.message}`)));
  if (volume.ephemeral && !claim.metadata.ownerReferences?.some(({ controller, uid }) => controller && uid === pod.metadata.uid))
    throw problem(`PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`);
  if (claim.metadata.deletionTimestamp && !pod.status?.startTime) throw problem('PVC is being deleted');
  if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) throw problem('PVC is not bound');
  const found = await client
    .get<Claimed['volume']>(RESOURCES.persistentvolumes, claim.spec.volumeName)
    .catch((error: Error) => Promise.reject(problem(`failed to fetch PV ${claim.spec?.volumeName} from API server: ${error.message}`)));
  if (found.spec?.claimRef?.uid !== claim.metadata.uid)
    throw problem(
      `PV ${found.metadata.name} spec.claimRef.uid ${found.spec?.claimRef?.uid ?? ''} does not match pvc.UID ${claim.metadata.uid}`,
    );
  const problemOfMode = wrongMode(pod, volume.name, found.spec?.volumeMode ?? 'Filesystem');
  if (problemOfMode) throw new VolumeProblem(problemOfMode, 'process');
  return { claim, volume: found };
}

/** A file system is mounted, a block device is a device: containers must use the volume as what it is. */
function wrongMode(pod: Pod, name: string, mode: string): string | undefined {
  const field = mode === 'Block' ? 'volumeMounts' : 'volumeDevices';
  if (!everyContainer(pod).some((container) => container[field]?.some((one) => one.name === name))) return undefined;
  return `volume ${name} has volumeMode ${mode}, but is specified in ${field}`;
}

/** A pod may have come past the scheduler. @throws VolumeProblem for a volume that cannot be reached from the node */
export function checkNodeAffinity({ spec }: PersistentVolume, node: Node | undefined, nodeName: string): void {
  const required = spec?.nodeAffinity?.required;
  if (!required) return;
  if (!node) throw new VolumeProblem(`node "${nodeName}" not found`, 'NodeAffinity');
  if (!nodeSelectorMatches(required, node)) throw new VolumeProblem('no matching NodeSelectorTerms', 'NodeAffinity');
}
