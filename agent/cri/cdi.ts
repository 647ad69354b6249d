// Devices by the names of the Container Device Interface: found in its specifications, brought into a container's configuration.
import type { OciHooks, OciMount, OciSpec } from '../runtime/index.ts';
import { CDI_FOLDERS, type CdiDeviceNode, type CdiEdits, type CdiSpec, readCdiSpecs } from './cdi-specs.ts';
import { type ContainerConfig, CriError } from './cri.ts';
import { deviceAt } from './device-nodes.ts';

/** For a runtime that reads no specifications. @throws CriError naming them */
export function refuseCdi({ cdiDevices = [] }: Pick<ContainerConfig, 'cdiDevices'>): void {
  if (cdiDevices.length > 0) throw new CriError('InvalidArgument', `CDI devices are not supported: ${cdiDevices.join(', ')}`);
}

/**
 * What the devices of a container bring, as it is written now; none: undefined. @throws CriError naming those that nobody has, or that
 * two files of one folder have
 */
export function resolveCdi(
  { cdiDevices = [] }: Pick<ContainerConfig, 'cdiDevices'>,
  onBad: Parameters<typeof readCdiSpecs>[1],
): CdiEdits | undefined {
  return cdiDevices.length === 0 ? undefined : editsOf(cdiDevices, readCdiSpecs(CDI_FOLDERS, onBad));
}

/** The edits of a specification come once, before those of its devices. Pure. @throws CriError */
export function editsOf(names: readonly string[], folders: readonly (readonly CdiSpec[])[]): CdiEdits {
  const found = names.map((name) => findDevice(name, folders));
  const missing = names.filter((_, index) => found[index] === undefined);
  if (missing.length > 0)
    throw new CriError('CreateContainerError', `CDI device injection failed: unresolvable CDI devices ${missing.join(', ')}`);
  const known = found.filter((one) => one !== undefined);
  const shared = [...new Set(known.map(({ spec }) => spec))].map(({ containerEdits }) => containerEdits ?? {});
  const all = [...shared, ...known.map(({ edits }) => edits)];
  return {
    env: all.flatMap(({ env = [] }) => env),
    deviceNodes: all.flatMap(({ deviceNodes = [] }) => deviceNodes),
    mounts: all.flatMap(({ mounts = [] }) => mounts),
    hooks: all.flatMap(({ hooks = [] }) => hooks),
    additionalGids: all.flatMap(({ additionalGids = [] }) => additionalGids).filter((gid) => gid !== 0),
  };
}

function findDevice(name: string, folders: readonly (readonly CdiSpec[])[]): { spec: CdiSpec; edits: CdiEdits } | undefined {
  for (const specs of folders.toReversed()) {
    const found = specs.flatMap((spec) =>
      spec.devices
        .filter((device) => `${spec.kind}=${device.name}` === name)
        .map(({ containerEdits }) => ({ spec, edits: containerEdits })),
    );
    if (found.length > 0) return found.length === 1 ? found[0] : undefined;
  }
  return undefined;
}

/** The configuration with them. `nodeOf`: a device node of the host. @throws Error for a device that the host does not have */
export function withCdi(spec: OciSpec, edits: CdiEdits, nodeOf: typeof deviceAt = deviceAt): OciSpec {
  const { process, linux } = spec;
  const { env = [], deviceNodes = [], mounts = [], hooks = [], additionalGids = [] } = edits;
  const nodes = deviceNodes.map((node) => ({ node, device: deviceOf(node, nodeOf) }));
  return {
    ...spec,
    process: {
      ...process,
      env: merged(process.env, env),
      user: { ...process.user, additionalGids: [...new Set([...(process.user.additionalGids ?? []), ...additionalGids])] },
    },
    mounts: [...spec.mounts.filter(({ destination }) => !mounts.some((m) => m.containerPath === destination)), ...mounts.map(ociMount)],
    ...(hooks.length > 0 ? { hooks: hooksOf(edits) } : {}),
    linux: {
      ...linux,
      devices: [
        ...(linux.devices ?? []).filter(({ path }) => !nodes.some(({ device }) => device.path === path)),
        ...nodes.map((n) => n.device),
      ],
      resources: {
        ...linux.resources,
        devices: [
          ...(linux.resources.devices ?? []),
          ...nodes.map(({ node, device: { type, major, minor } }) => ({
            allow: true,
            type,
            major,
            minor,
            access: node.permissions || 'rwm',
          })),
        ],
      },
    },
  };
}

/** A variable that is there gets the new value, where it stands. */
function merged(before: readonly string[], more: readonly string[]): string[] {
  const nameOf = (entry: string) => entry.split('=', 1)[0] ?? '';
  return [...new Map([...before, ...more].map((entry) => [nameOf(entry), entry])).values()];
}

/** What the specification leaves out is as on the host. */
function deviceOf({ path, hostPath, type, major, minor, fileMode, uid, gid }: CdiDeviceNode, nodeOf: typeof deviceAt) {
  const isWhole = (type === 'c' || type === 'b') && major !== undefined && minor !== undefined;
  const base = isWhole ? { path, type: type as 'c' | 'b', major, minor } : nodeOf(hostPath ?? path, path);
  return {
    ...base,
    ...(fileMode === undefined ? {} : { fileMode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

const ociMount = ({ hostPath, containerPath, type, options = [] }: NonNullable<CdiEdits['mounts']>[number]): OciMount => ({
  source: hostPath,
  destination: containerPath,
  ...(type ? { type } : {}),
  options: type || options.some((option) => /^r?bind$/.test(option)) ? [...options] : ['rbind', ...options],
});

function hooksOf({ hooks = [] }: CdiEdits): OciHooks {
  const out: OciHooks = {};
  for (const { hookName, ...hook } of hooks) (out[hookName] ??= []).push(hook);
  return out;
}
