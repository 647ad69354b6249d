// The runtime's configuration of one container, from its record and its sandbox's.
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { allowedOomScoreAdj, cgroups, SCOPE_ANNOTATIONS } from '../../kit/linux/index.ts';
import { buildSpec, type OciSpec, type SpecMount } from '../runtime/index.ts';
import { withCdi } from './cdi.ts';
import { type CriContext, containerCgroup, sandboxFile, usesPodIpc, usesPodNetwork } from './context.ts';
import { CriError, type LinuxResources } from './cri.ts';
import { deviceAt, hostDevices } from './device-nodes.ts';
import { mountsOf } from './mounts.ts';
import type { ContainerRecord, SandboxRecord } from './records.ts';
import { apparmorOf, seccompOf } from './security-profiles.ts';
import { withOwners } from './user-namespace.ts';

export function containerSpec(context: CriContext, record: ContainerRecord, sandbox: SandboxRecord): OciSpec {
  const { config } = record;
  const security = config.linux?.securityContext ?? {};
  const resources = config.linux?.resources ?? {};
  const privileged = security.privileged === true;
  const seccomp = seccompOf(context, security);
  const apparmorProfile = apparmorOf(security);
  const users = sandbox.config.linux?.namespaces?.user;
  const spec = buildSpec({
    rootfs: context.runtime.rootfsPath(record.id),
    args: record.args,
    env: record.env,
    cwd: record.cwd,
    terminal: config.tty === true,
    user: record.user,
    ...(resources.oomScoreAdj === undefined ? {} : { oomScoreAdj: allowedOomScoreAdj(resources.oomScoreAdj) }),
    capabilities: { add: security.capabilities?.add ?? [], drop: security.capabilities?.drop ?? [] },
    availableCapabilities: context.availableCapabilities,
    privileged,
    noNewPrivileges: security.noNewPrivs === true,
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    readonlyRootfs: security.readonlyRootfs === true,
    namespaces: namespacesOf(context, record, sandbox),
    ...(users ? { users: { ...users, path: sandboxFile(context, sandbox.id, 'user') } } : {}),
    cgroupsPath: context.groups.ociPath(containerCgroup(context, record)),
    cgroupV2: cgroups().layout === 'v2',
    resources: bearable(resources),
    mounts: allMounts(context, record, sandbox),
    devices: privileged
      ? hostDevices()
      : (config.devices ?? []).map((d) => ({ device: deviceAt(d.hostPath, d.containerPath), permissions: d.permissions || 'rwm' })),
    ...(security.maskedPaths ? { maskedPaths: security.maskedPaths } : {}),
    ...(security.readonlyPaths ? { readonlyPaths: security.readonlyPaths } : {}),
    annotations: { ...config.annotations, ...(context.groups.driver === 'systemd' ? SCOPE_ANNOTATIONS : {}) },
  });
  return record.cdi ? withCdi(spec, record.cdi) : spec;
}

/** Without the kernel's controller of huge pages nobody is limited, and no runtime would start a container that is to be. */
const bearable = ({ hugepageLimits, ...others }: LinuxResources): LinuxResources =>
  hugepageLimits && cgroups().has('hugetlb') ? { ...others, hugepageLimits } : others;

/** @throws CriError when the container whose processes are to be seen does not run */
function namespacesOf(context: CriContext, record: ContainerRecord, { id, config }: SandboxRecord) {
  const pid = config.linux?.namespaces?.pid ?? 'container';
  const target = record.config.linux?.securityContext?.pidTarget;
  return {
    network: usesPodNetwork(config) ? sandboxFile(context, id, 'net') : 'host',
    uts: usesPodNetwork(config) ? sandboxFile(context, id, 'uts') : 'host',
    ipc: usesPodIpc(config) ? sandboxFile(context, id, 'ipc') : 'host',
    pid: target ? pidNamespaceOf(context, target) : pid === 'node' ? 'host' : pid === 'pod' ? sandboxFile(context, id, 'pid') : 'new',
  };
}

function pidNamespaceOf(context: CriContext, containerId: string): string {
  const state = context.runtime.state(containerId);
  if (state.status !== 'running') throw new CriError('FailedPrecondition', `target container "${containerId}" is not running`);
  return `/proc/${state.pid}/ns/pid`;
}

/** The container's own come after the sandbox's, and hide them. */
function allMounts(context: CriContext, record: ContainerRecord, sandbox: SandboxRecord): SpecMount[] {
  const given = mountsOf(context, record);
  const shared: SpecMount[] = [];
  const hasUsers = sandbox.config.linux?.namespaces?.user !== undefined;
  const add = (source: string, destination: string) => {
    if (given.some((m) => m.destination === destination)) return;
    const mount: SpecMount = { source, destination, readonly: false, propagation: 'private' };
    shared.push(hasUsers ? withOwners(context, record, mount, basename(source)) : mount);
  };
  add(usesPodIpc(sandbox.config) ? sandboxFile(context, sandbox.id, 'shm') : '/dev/shm', '/dev/shm');
  if (usesPodNetwork(sandbox.config)) add(sandboxFile(context, sandbox.id, 'hostname'), '/etc/hostname');
  if (sandbox.config.dns) add(sandboxFile(context, sandbox.id, 'resolv.conf'), '/etc/resolv.conf');
  const hosts = sandboxFile(context, sandbox.id, 'hosts');
  if (existsSync(hosts)) add(hosts, '/etc/hosts'); // not there for sandboxes of an earlier version
  return [...shared, ...given];
}
