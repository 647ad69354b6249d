// Checks of a container's mounts and block devices.
import type { Container, Volume, VolumeDevice, VolumeMount } from '../../../gen/types/core.v1.ts';
import { forbiddenField, invalidValue, notFoundValue, notSupported, type Problem, required } from '../../../meta/index.ts';
import { descendingPath, noBacksteps } from './checks.ts';

export function validateMounts(container: Container, volumes: ReadonlyMap<string, Volume>, path: string): Problem[] {
  const places = new Set<string>();
  const devices = new Map((container.volumeDevices ?? []).map((device) => [device.name, device.devicePath]));
  return (container.volumeMounts ?? []).flatMap((mount, at) => {
    const here = `${path}[${at}]`;
    const problems: Problem[] = [];
    if (!mount.name) problems.push(required(`${here}.name`));
    if (!volumes.has(mount.name)) problems.push(notFoundValue(`${here}.name`, mount.name));
    if (!mount.mountPath) problems.push(required(`${here}.mountPath`));
    if (places.has(mount.mountPath)) problems.push(invalidValue(`${here}.mountPath`, mount.mountPath, 'must be unique'));
    places.add(mount.mountPath);
    if (devices.has(mount.name)) problems.push(invalidValue(`${here}.name`, mount.name, 'must not already exist in volumeDevices'));
    if ([...devices.values()].includes(mount.mountPath)) {
      problems.push(invalidValue(`${here}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'));
    }
    return [
      ...problems,
      ...validateSubPath(mount, here, path),
      ...validatePropagation(mount, container, path),
      ...validateRecursive(mount, path),
    ];
  });
}

/** Upstream names the list, not the mount, for what is inside of it. */
function validateSubPath({ subPath, subPathExpr }: VolumeMount, here: string, path: string): Problem[] {
  const problems = subPath ? descendingPath(`${path}.subPath`, subPath) : [];
  if (!subPathExpr) return problems;
  if (subPath) problems.push(invalidValue(`${here}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
  return [...problems, ...descendingPath(`${path}.subPathExpr`, subPathExpr)];
}

function validatePropagation({ mountPropagation }: VolumeMount, container: Container, path: string): Problem[] {
  if (mountPropagation === undefined) return [];
  const field = `${path}.mountPropagation`;
  const modes = ['Bidirectional', 'HostToContainer', 'None'];
  const problems = modes.includes(mountPropagation) ? [] : [notSupported(field, mountPropagation, modes)];
  if (mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
    problems.push(forbiddenField(field, 'Bidirectional mount propagation is available only to privileged containers'));
  }
  return problems;
}

function validateRecursive({ recursiveReadOnly, readOnly, mountPropagation }: VolumeMount, path: string): Problem[] {
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return [];
  const field = `${path}.recursiveReadOnly`;
  const modes = ['Disabled', 'Enabled', 'IfPossible'];
  if (!modes.includes(recursiveReadOnly)) return [notSupported(field, recursiveReadOnly, modes)];
  const problems: Problem[] = [];
  if (!readOnly) problems.push(forbiddenField(field, 'may only be specified when readOnly is true'));
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    problems.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'));
  }
  return problems;
}

export function validateDevices(
  devices: readonly VolumeDevice[],
  mounts: readonly VolumeMount[],
  volumes: ReadonlyMap<string, Volume>,
  path: string,
): Problem[] {
  const names = new Set<string>();
  const places = new Set<string>();
  return devices.flatMap(({ name, devicePath }, at) => {
    const here = `${path}[${at}]`;
    const volume = volumes.get(name);
    const problems: Problem[] = [];
    if (!name) problems.push(required(`${here}.name`));
    if (names.has(name)) problems.push(invalidValue(`${here}.name`, name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      problems.push(
        invalidValue(`${here}.name`, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'),
      );
    }
    if (!volume) problems.push(notFoundValue(`${here}.name`, name));
    if (!devicePath) problems.push(required(`${here}.devicePath`));
    if (places.has(devicePath)) problems.push(invalidValue(`${here}.devicePath`, devicePath, 'must be unique'));
    if (devicePath && noBacksteps('', devicePath).length)
      problems.push(invalidValue(`${here}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    else places.add(devicePath);
    if (mounts.some((mount) => mount.name === name))
      problems.push(invalidValue(`${here}.name`, name, 'must not already exist in volumeMounts'));
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      problems.push(invalidValue(`${here}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'));
    }
    names.add(name);
    return problems;
  });
}
