// volumeMounts of a container -> mounts of the CRI.
import type { Container, Pod, Volume, VolumeMount } from '../../api/gen/types/core.v1.ts';
import type { ContainerConfig, Mount } from '../cri/index.ts';
import { isReadOnlyVolume, SubPathMissing, VolumeProblem, type Volumes } from '../volumes/index.ts';
import { ContainerConfigProblem } from './env.ts';
import { expand } from './expand.ts';

export interface MountInputs {
  /** Path on the node by volume. */
  volumePaths: ReadonlyMap<string, string>;
  /** Of volumes that are images: the image's id. */
  volumeImages: ReadonlyMap<string, string>;
  volumes: Pick<Volumes, 'bindSubPath'>;
  /** The runtime can make mounts below a mount read-only too. */
  recursiveReadOnly: boolean;
}

type Lookup = (name: string) => string | undefined;

const PROPAGATIONS: Record<string, NonNullable<Mount['propagation']>> = {
  HostToContainer: 'host-to-container',
  Bidirectional: 'bidirectional',
};

/** @throws ContainerConfigProblem, VolumeProblem for a mount that cannot be made as it is written */
export function volumeMounts(pod: Pod, container: Container, inputs: MountInputs, lookup: Lookup): Promise<Mount[]> {
  return Promise.all((container.volumeMounts ?? []).map((mount, index) => volumeMount(pod, container, mount, index, inputs, lookup)));
}

async function volumeMount(
  pod: Pod,
  container: Container,
  mount: VolumeMount,
  index: number,
  inputs: MountInputs,
  lookup: Lookup,
): Promise<Mount> {
  const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
  const path = inputs.volumePaths.get(mount.name);
  if (!volume || path === undefined)
    throw new ContainerConfigProblem(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
  const containerPath = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
  const isRecursive = recursiveReadOnly(mount, inputs.recursiveReadOnly);
  const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, lookup) : mount.subPath;
  if (volume.image) return imageMount(volume, containerPath, subPath, inputs);
  const uid = pod.metadata.uid ?? '';
  const hostPath = subPath
    ? await inputs.volumes.bindSubPath(uid, mount.name, path, container.name, index, subPath).catch(withoutPaths(mount, container))
    : path;
  const propagation = PROPAGATIONS[mount.mountPropagation ?? ''];
  return {
    hostPath,
    containerPath,
    readonly: (mount.readOnly ?? false) || isReadOnlyVolume(volume),
    ...(isRecursive ? { recursiveReadOnly: true } : {}),
    ...(propagation ? { propagation } : {}),
  };
}

/** What went wrong in detail would tell the pod's user about the node's files: upstream does not either. */
const withoutPaths =
  ({ name }: VolumeMount, container: Container) =>
  (error: unknown): never => {
    if (!(error instanceof VolumeProblem)) throw error;
    const failed = error instanceof SubPathMissing ? 'failed to create subPath directory' : 'failed to prepare subPath';
    throw new ContainerConfigProblem(`${failed} for volumeMount "${name}" of container "${container.name}"`, { cause: error });
  };

/** Volumes that the container gets as block devices. @throws ContainerConfigProblem */
export function volumeDevices(pod: Pod, container: Container, { volumePaths }: MountInputs): NonNullable<ContainerConfig['devices']> {
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const hostPath = volumePaths.get(name);
    if (hostPath === undefined) throw new ContainerConfigProblem(`cannot find volume "${name}" to pass into container "${container.name}"`);
    const isReadOnly = pod.spec?.volumes?.find((volume) => volume.name === name)?.persistentVolumeClaim?.readOnly;
    return { hostPath, containerPath: devicePath, permissions: isReadOnly ? 'r' : 'mrw' };
  });
}

function imageMount({ name }: Volume, containerPath: string, imageSubPath: string | undefined, { volumeImages }: MountInputs): Mount {
  const image = volumeImages.get(name) ?? '';
  return { hostPath: '', image, containerPath, readonly: true, ...(imageSubPath ? { imageSubPath } : {}) };
}

/** @throws ContainerConfigProblem when it is asked for and cannot be */
function recursiveReadOnly({ name, readOnly, recursiveReadOnly: wanted, mountPropagation }: VolumeMount, isSupported: boolean): boolean {
  if (wanted === undefined || wanted === 'Disabled') return false;
  const refused = (why: string) =>
    new ContainerConfigProblem(
      `failed to resolve recursive read-only mode: volume "${name}" requested recursive read-only mode, but it is not ${why}`,
    );
  if (!readOnly) throw refused('read-only');
  if (mountPropagation && mountPropagation !== 'None') throw refused(`compatible with propagation "${mountPropagation}"`);
  if (wanted === 'Enabled' && !isSupported) throw refused('supported by the runtime');
  return isSupported;
}

/** Unlike elsewhere an unknown variable is an error here: it would mount something else. */
function expandStrictly(text: string, lookup: Lookup): string {
  const expanded = expand(text, (name) => {
    const value = lookup(name);
    if (value === undefined) throw new ContainerConfigProblem(`missing value for ${name}`);
    return value;
  });
  if (expanded.startsWith('/')) throw new ContainerConfigProblem(`error SubPath \`${expanded}\` must not be an absolute path`);
  if (expanded.split('/').includes('..'))
    throw new ContainerConfigProblem(`unable to provision SubPath \`${expanded}\`: must not contain '..'`);
  return expanded;
}
