// PersistentVolumeClaims whose volume is a path of this node (hostPath, local). Others need a CSI driver.
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { checkHostPath } from './host-path.ts';
import { VolumeProblem } from './payload.ts';

/** The path behind the claim. @throws VolumeProblem while it is not bound, or when it is no path of a node */
export async function claimedPath(client: Client, pod: Pod, claimName: string): Promise<string> {
  const namespace = pod.metadata.namespace ?? '';
  const claim = await client.get<PersistentVolumeClaim & KubeObject>(RESOURCES.persistentvolumeclaims, claimName, { namespace });
  const volumeName = claim.spec?.volumeName;
  if (!volumeName || claim.status?.phase !== 'Bound') throw new VolumeProblem(`PVC ${namespace}/${claimName} is not bound`);
  const volume = await client.get<PersistentVolume & KubeObject>(RESOURCES.persistentvolumes, volumeName);
  if (volume.spec?.claimRef?.uid !== claim.metadata.uid)
    throw new VolumeProblem(`PV ${volumeName} is not bound to PVC ${namespace}/${claimName}`);
  if (volume.spec?.hostPath) return checkHostPath(volume.spec.hostPath);
  if (volume.spec?.local) return checkHostPath({ path: volume.spec.local.path, type: 'Directory' });
  throw new VolumeProblem(`PV ${volumeName} is of a type that this node cannot mount`);
}
