// What the agent wants, as messages of CRI v1. Pure.
import type {
  ContainerConfig,
  ContainerFilter,
  LinuxResources,
  LinuxSecurityContext,
  Mount,
  NamespaceOptions,
  PodSandboxConfig,
  RegistryAuth,
  SandboxFilter,
  SecurityProfile,
} from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { type SandboxNote, withContainerNote, withSandboxNote } from './notes.ts';

/** `cgroupRoot`: what the sandbox's own cgroup parent is below. */
export function podSandboxConfig(config: PodSandboxConfig, cgroupRoot: string): wire.PodSandboxConfig {
  const { linux = {} } = config;
  return {
    metadata: config.metadata,
    hostname: linux.namespaces?.network === 'node' ? '' : config.hostname,
    logDirectory: config.logDirectory,
    labels: config.labels ?? {},
    annotations: withSandboxNote(config),
    ...(config.dns ? { dnsConfig: config.dns } : {}),
    portMappings: config.portMappings ?? [],
    linux: {
      cgroupParent: podCgroup(config, cgroupRoot),
      sysctls: linux.sysctls ?? {},
      ...(linux.resources ? { resources: resources(linux.resources) } : {}),
      securityContext: {
        namespaceOptions: namespaceOption(linux.namespaces),
        privileged: linux.privileged === true,
        seccomp: { profileType: linux.privileged ? 'Unconfined' : 'RuntimeDefault' },
      },
    },
  };
}

export const podCgroup = ({ metadata, linux }: SandboxNote, root: string): string =>
  `${root}/${linux?.cgroupParent ?? `pod${metadata.uid}`}`.replace(/\/+/g, '/');

const MODE = { pod: 'POD', container: 'CONTAINER', node: 'NODE' } as const;

function namespaceOption({ network = 'pod', pid = 'container', ipc = 'pod' }: NamespaceOptions = {}): wire.NamespaceOption {
  return { network: MODE[network], pid: MODE[pid], ipc: MODE[ipc] };
}

export function containerConfig(sandboxId: string, sandbox: SandboxNote, config: ContainerConfig): wire.ContainerConfig {
  const { linux = {} } = config;
  return {
    metadata: config.metadata,
    image: { image: config.image, userSpecifiedImage: config.image },
    command: config.command ?? [],
    args: config.args ?? [],
    workingDir: config.workingDir ?? '',
    envs: (config.env ?? []).map(({ key, value }) => ({ key, value: Buffer.from(value) })),
    mounts: (config.mounts ?? []).map(mount),
    devices: config.devices ?? [],
    labels: config.labels ?? {},
    annotations: withContainerNote(sandboxId, sandbox.metadata.uid, config),
    logPath: config.logPath ?? '',
    stdin: config.stdin === true,
    stdinOnce: config.stdinOnce === true,
    tty: config.tty === true,
    ...(config.stopSignal ? { stopSignal: signal(config.stopSignal) } : {}),
    linux: { resources: resources(linux.resources ?? {}), securityContext: securityContext(linux.securityContext ?? {}, sandbox) },
  };
}

const signal = (name: string): wire.Signal => name.replace('+', 'PLUS').replace('-', 'MINUS') as wire.Signal;

const PROPAGATION = {
  private: 'PROPAGATION_PRIVATE',
  'host-to-container': 'PROPAGATION_HOST_TO_CONTAINER',
  bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

const mount = ({ hostPath, containerPath, readonly, recursiveReadOnly, propagation }: Mount): wire.Mount => ({
  hostPath,
  containerPath,
  readonly: readonly === true,
  recursiveReadOnly: recursiveReadOnly === true,
  propagation: PROPAGATION[propagation ?? 'private'],
});

export const resources = (r: LinuxResources): wire.LinuxContainerResources => ({
  cpuPeriod: r.cpuPeriod ?? 0,
  cpuQuota: r.cpuQuota ?? 0,
  cpuShares: r.cpuShares ?? 0,
  memoryLimitInBytes: r.memoryLimitBytes ?? 0,
  oomScoreAdj: r.oomScoreAdj ?? 0,
  cpusetCpus: r.cpusetCpus ?? '',
  cpusetMems: r.cpusetMems ?? '',
  hugepageLimits: r.hugepageLimits ?? [],
  unified: r.pidsLimit ? { 'pids.max': String(r.pidsLimit) } : {},
});

/** What kubelet hides of a container that does not ask for an unmasked /proc. */
const MASKED = ['asound', 'acpi', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats', 'sched_debug', 'scsi']
  .map((name) => `/proc/${name}`)
  .concat('/sys/firmware', '/sys/devices/virtual/powercap');
const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);

function securityContext(s: LinuxSecurityContext, sandbox: SandboxNote): wire.LinuxContainerSecurityContext {
  const namespaces = namespaceOption(sandbox.linux?.namespaces);
  return {
    privileged: s.privileged === true,
    capabilities: { addCapabilities: s.capabilities?.add ?? [], dropCapabilities: s.capabilities?.drop ?? [] },
    namespaceOptions: s.pidTarget ? { ...namespaces, pid: 'TARGET', targetId: s.pidTarget } : namespaces,
    readonlyRootfs: s.readonlyRootfs === true,
    noNewPrivs: s.noNewPrivs === true,
    ...(s.runAsUser === undefined ? {} : { runAsUser: { value: s.runAsUser } }),
    ...(s.runAsUsername ? { runAsUsername: s.runAsUsername } : {}),
    ...(s.runAsGroup === undefined ? {} : { runAsGroup: { value: s.runAsGroup } }),
    supplementalGroups: s.supplementalGroups ?? [],
    supplementalGroupsPolicy: s.supplementalGroupsPolicy ?? 'Merge',
    seccomp: seccomp(s.seccomp),
    maskedPaths: s.privileged ? [] : (s.maskedPaths ?? MASKED),
    readonlyPaths: s.privileged ? [] : (s.readonlyPaths ?? READ_ONLY),
  };
}

const seccomp = (profile: SecurityProfile | undefined): wire.SecurityProfile => ({
  profileType: profile?.type ?? 'Unconfined',
  localhostRef: profile?.localhostRef ?? '',
});

export const sandboxFilter = (filter: SandboxFilter = {}): wire.PodSandboxFilter => ({
  ...(filter.id ? { id: filter.id } : {}),
  ...(filter.state ? { state: { state: filter.state === 'ready' ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY' } } : {}),
  ...(filter.labels ? { labelSelector: filter.labels } : {}),
});

export const CONTAINER_STATE = {
  created: 'CONTAINER_CREATED',
  running: 'CONTAINER_RUNNING',
  exited: 'CONTAINER_EXITED',
  unknown: 'CONTAINER_UNKNOWN',
} as const;

export const containerFilter = (filter: ContainerFilter = {}): wire.ContainerFilter => ({
  ...(filter.id ? { id: filter.id } : {}),
  ...(filter.sandboxId ? { podSandboxId: filter.sandboxId } : {}),
  ...(filter.state ? { state: { state: CONTAINER_STATE[filter.state] } } : {}),
  ...(filter.labels ? { labelSelector: filter.labels } : {}),
});

export const authConfig = ({
  username = '',
  password = '',
  auth = '',
  identityToken = '',
  registryToken = '',
}: RegistryAuth): wire.AuthConfig => ({
  username,
  password,
  auth,
  identityToken,
  registryToken,
});
