// config.json of one container from what is already resolved. Pure.
import type { UserIds } from '../../kit/linux/index.ts';
import { capabilitySet } from './capabilities.ts';
import type { OciDevice, OciIdMapping, OciMount, OciResources, OciSpec } from './oci.ts';
import { defaultSeccomp, type OciSeccomp } from './seccomp.ts';

export interface SpecInput {
  rootfs: string;
  args: string[];
  env: string[];
  cwd: string;
  terminal: boolean;
  user: { uid: number; gid: number; supplementalGroups: number[] };
  /** Already what this process is allowed to set. */
  oomScoreAdj?: number;
  capabilities: { add: string[]; drop: string[] };
  /** Capabilities the runtime can give at all. */
  availableCapabilities: readonly string[];
  privileged: boolean;
  noNewPrivileges: boolean;
  /** Absent: unconfined. */
  seccomp?: 'default' | OciSeccomp;
  /** Name of a profile that the kernel has loaded. */
  apparmorProfile?: string;
  readonlyRootfs: boolean;
  /** Namespace files to join; `host` keeps the host's, `new` makes one. */
  namespaces: { network: string; ipc: string; uts: string; pid: string };
  /** A user namespace to join, to which the others belong; absent: the machine's. Runtimes want to know what is in it. */
  users?: UserIds & { path: string };
  cgroupsPath: string;
  cgroupV2: boolean;
  resources: SpecResources;
  mounts: SpecMount[];
  devices: { device: OciDevice; permissions: string }[];
  maskedPaths?: string[];
  readonlyPaths?: string[];
  annotations: Record<string, string>;
}

export interface SpecMount {
  source: string;
  destination: string;
  readonly: boolean;
  /** Mounts below it too: the runtime needs mount_setattr (Linux 5.12). */
  recursiveReadOnly?: boolean;
  propagation: 'private' | 'host-to-container' | 'bidirectional';
}

export interface SpecResources {
  cpuPeriod?: number;
  /** Microseconds per period; -1 or absent: none. */
  cpuQuota?: number;
  cpuShares?: number;
  memoryLimitBytes?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
  pidsLimit?: number;
  hugepageLimits?: { pageSize: string; limit: number }[];
  /** Files of cgroup v2 by name; ignored elsewhere. */
  unified?: Record<string, string>;
}

/** What is hidden of the kernel where nobody asks for an unmasked /proc: kubelet's list, for every runtime. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
export const READONLY_PATHS: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function buildSpec(input: SpecInput): OciSpec {
  const capabilities = capabilitySet(input);
  const { privileged } = input;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: input.terminal,
      user: { uid: input.user.uid, gid: input.user.gid, additionalGids: input.user.supplementalGroups },
      args: input.args,
      env: input.env,
      cwd: input.cwd,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities, inheritable: [], ambient: [] },
      noNewPrivileges: input.noNewPrivileges,
      ...(input.apparmorProfile === undefined ? {} : { apparmorProfile: input.apparmorProfile }),
      ...(input.oomScoreAdj === undefined ? {} : { oomScoreAdj: input.oomScoreAdj }),
    },
    root: { path: input.rootfs, readonly: input.readonlyRootfs },
    mounts: [...systemMounts(input), ...input.mounts.toSorted(byDepth).map(bindMountOf)],
    annotations: input.annotations,
    linux: {
      namespaces: namespacesOf(input),
      ...(input.users ? { uidMappings: [mappingOf(input.users.uids)], gidMappings: [mappingOf(input.users.gids)] } : {}),
      cgroupsPath: input.cgroupsPath,
      resources: resourcesOf(input),
      devices: input.devices.map(({ device }) => device),
      maskedPaths: privileged ? [] : (input.maskedPaths ?? [...MASKED_PATHS]),
      readonlyPaths: privileged ? [] : (input.readonlyPaths ?? [...READONLY_PATHS]),
      ...propagationOf(input.mounts),
      ...(input.seccomp === undefined ? {} : { seccomp: input.seccomp === 'default' ? defaultSeccomp(capabilities) : input.seccomp }),
    },
  };
}

/** A mount on `/a` must come before one on `/a/b`. */
const byDepth = (a: SpecMount, b: SpecMount): number => depth(a.destination) - depth(b.destination);
const depth = (path: string): number => path.split('/').filter((part) => part !== '').length;

function systemMounts({ privileged, mounts }: SpecInput): OciMount[] {
  const sys = privileged ? 'rw' : 'ro';
  const out: OciMount[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', sys] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'relatime', sys] },
  ];
  const given = new Set(mounts.map((m) => m.destination.replace(/\/+$/, '')));
  return out.filter((m) => !given.has(m.destination));
}

function bindMountOf(mount: SpecMount): OciMount {
  const propagation = { private: 'rprivate', 'host-to-container': 'rslave', bidirectional: 'rshared' }[mount.propagation];
  return {
    destination: mount.destination,
    type: 'bind',
    source: mount.source,
    options: ['rbind', propagation, ...(mount.recursiveReadOnly ? ['rro'] : [mount.readonly ? 'ro' : 'rw'])],
  };
}

/** Mounts that are to travel need a root that lets them. */
function propagationOf(mounts: readonly SpecMount[]): { rootfsPropagation?: string } {
  if (mounts.some((m) => m.propagation === 'bidirectional')) return { rootfsPropagation: 'rshared' };
  if (mounts.some((m) => m.propagation === 'host-to-container')) return { rootfsPropagation: 'rslave' };
  return {};
}

const mappingOf = ({ hostId, length }: UserIds['uids']): OciIdMapping => ({ containerID: 0, hostID: hostId, size: length });

function namespacesOf({ namespaces, users, cgroupV2 }: SpecInput): { type: string; path?: string }[] {
  const out: { type: string; path?: string }[] = [{ type: 'mount' }];
  for (const type of ['network', 'ipc', 'uts', 'pid'] as const) {
    const path = namespaces[type];
    if (path === 'new') out.push({ type });
    else if (path !== 'host') out.push({ type, path });
  }
  if (users) out.push({ type: 'user', path: users.path });
  if (cgroupV2) out.push({ type: 'cgroup' });
  return out;
}

function resourcesOf({ resources: r, privileged, devices, cgroupV2 }: SpecInput): OciResources {
  const cpu = {
    ...(r.cpuShares ? { shares: r.cpuShares } : {}),
    ...(r.cpuQuota ? { quota: r.cpuQuota, period: r.cpuPeriod ?? 100_000 } : {}),
    ...(r.cpusetCpus ? { cpus: r.cpusetCpus } : {}),
    ...(r.cpusetMems ? { mems: r.cpusetMems } : {}),
  };
  return {
    devices: privileged
      ? [{ allow: true, access: 'rwm' }]
      : [
          { allow: false, access: 'rwm' },
          ...devices.map(({ device: d, permissions }) => ({
            allow: true,
            type: d.type,
            major: d.major,
            minor: d.minor,
            access: permissions,
          })),
        ],
    ...(r.memoryLimitBytes && r.memoryLimitBytes > 0 ? { memory: { limit: r.memoryLimitBytes } } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(r.pidsLimit && r.pidsLimit > 0 ? { pids: { limit: r.pidsLimit } } : {}),
    ...(r.hugepageLimits?.length ? { hugepageLimits: r.hugepageLimits } : {}),
    ...(cgroupV2 && r.unified ? { unified: r.unified } : {}),
  };
}
