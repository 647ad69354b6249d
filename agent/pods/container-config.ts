// A container of a pod -> the CRI's container configuration.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { cgroups } from '../../kit/linux/index.ts';
import { graceSecondsOf } from '../../kit/pods/index.ts';
import type { ContainerConfig, Image, Mount, UserIds } from '../cri/index.ts';
import type { ContainerDevices } from '../devices/index.ts';
import { expand } from './expand.ts';
import { GRACE_ANNOTATION, IMAGE_ANNOTATION, podLabels, RESOURCES_ANNOTATION } from './names.ts';
import type { PodFiles } from './pod-files.ts';
import { containerResources } from './qos.ts';
import { securityContext } from './security.ts';
import { type MountInputs, volumeDevices, volumeMounts } from './volume-mounts.ts';

export interface ContainerInputs extends MountInputs {
  attempt: number;
  image: Image;
  env: ReadonlyMap<string, string>;
  files: PodFiles;
  /** The pod's folder. */
  podFolder: string;
  /** Id of the container whose processes this one is to see. */
  pidTarget?: string;
  /** Bytes. */
  memoryCapacity: number;
  /** Of a pod that has its own: what is mounted belongs to them. */
  users?: UserIds;
  /** Of plugins: what they bring into the container. */
  devices?: ContainerDevices;
}

/** @throws ContainerConfigProblem, VolumeProblem when the container cannot be made as it is written */
export async function containerConfig(pod: Pod, container: Container, inputs: ContainerInputs): Promise<ContainerConfig> {
  const lookup = (name: string) => inputs.env.get(name);
  const messagePath = join(inputs.podFolder, 'containers', container.name, String(inputs.attempt));
  const { command, args } = container;
  const stopSignal = (container.lifecycle as { stopSignal?: string } | undefined)?.stopSignal;
  const { users } = inputs;
  const mounts: Mount[] = [
    ...(await volumeMounts(pod, container, inputs, lookup)),
    ...(inputs.devices?.mounts ?? []),
    ...ownFiles(pod, container, inputs.files),
    messageFile(container, messagePath),
  ];
  return {
    metadata: { name: container.name, attempt: inputs.attempt },
    image: container.image ?? '',
    ...(command?.length ? { command: command.map((text) => expand(text, lookup)) } : {}),
    ...(args?.length ? { args: args.map((text) => expand(text, lookup)) } : {}),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    env: [...inputs.env].map(([key, value]) => ({ key, value })),
    mounts: users ? mounts.map((mount) => ({ ...mount, owners: users })) : mounts,
    ...devicesOf(pod, container, inputs),
    labels: { ...podLabels(pod), 'io.kubernetes.container.name': container.name },
    annotations: {
      ...inputs.devices?.annotations,
      [GRACE_ANNOTATION]: String(graceSecondsOf(pod)),
      [IMAGE_ANNOTATION]: container.image ?? '',
      [RESOURCES_ANNOTATION]: JSON.stringify(container.resources ?? {}),
    },
    logPath: `${container.name}/${inputs.attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    ...(stopSignal ? { stopSignal } : {}),
    linux: {
      resources: { ...containerResources(pod, container, inputs.memoryCapacity), ...unified() },
      securityContext: { ...securityContext(pod, container, inputs.image), ...(inputs.pidTarget ? { pidTarget: inputs.pidTarget } : {}) },
    },
  };
}

/** As kubelet has it on cgroup v2: a container that runs out of memory ends as a whole, and none is given swap. */
function unified(): { unified?: Record<string, string> } {
  const groups = cgroups();
  if (groups.layout !== 'v2') return {};
  return { unified: { 'memory.oom.group': '1', ...(groups.hasSwap ? { 'memory.swap.max': '0' } : {}) } };
}

/** Of plugins, and volumes that are block devices. */
function devicesOf(pod: Pod, container: Container, inputs: ContainerInputs): Pick<ContainerConfig, 'devices' | 'cdiDevices'> {
  const given = inputs.devices;
  const devices = [...(given?.devices ?? []), ...(container.volumeDevices?.length ? volumeDevices(pod, container, inputs) : [])];
  return { ...(devices.length > 0 ? { devices } : {}), ...(given?.cdiDevices.length ? { cdiDevices: [...given.cdiDevices] } : {}) };
}

/** The pod's own files, unless the container mounts something of its own there. */
function ownFiles(pod: Pod, container: Container, files: PodFiles): Mount[] {
  const own: [string, string][] = [
    ['/etc/hosts', files.hosts],
    ['/etc/resolv.conf', files.resolv],
    ...(pod.spec?.hostNetwork ? [] : [['/etc/hostname', files.hostname] as [string, string]]),
  ];
  const taken = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath));
  const readonly = container.securityContext?.readOnlyRootFilesystem ?? false;
  return own
    .filter(([path]) => !taken.has(path))
    .map(([containerPath, hostPath]) => ({ hostPath, containerPath, ...(readonly && containerPath !== '/etc/hosts' ? { readonly } : {}) }));
}

/** A file of each attempt's own: what a container leaves there becomes its termination message. */
function messageFile(container: Container, path: string): Mount {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, 'a', 0o666));
  chmodSync(path, 0o666); // open() obeys the umask, any user must be able to write
  return { hostPath: path, containerPath: container.terminationMessagePath || '/dev/termination-log' };
}
