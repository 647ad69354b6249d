// What the agent wants, in the words of Docker Engine's API. Pure, but for looking at paths.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { allowedOomScoreAdj } from '../../kit/linux/index.ts';
import type { ContainerConfig, LinuxResources, LinuxSecurityContext, Mount, PodSandboxConfig } from '../cri/index.ts';
import { PAUSE_IMAGE } from './pause-image.ts';
import { containerName, LABEL, sandboxName } from './records.ts';

/** Rotated by Docker itself, below the size at which the agent would. */
const LOGS = { Type: 'json-file', Config: { 'max-size': '5m', 'max-file': '5' } };

/** `cgroupParent`: of the pod, in Docker's words. */
export function sandboxOptions(config: PodSandboxConfig, cgroupParent: string, node: string): Docker.ContainerCreateOptions {
  const { network = 'pod', ipc = 'pod', pid = 'container' } = config.linux?.namespaces ?? {};
  const isNode = network === 'node';
  return {
    name: sandboxName(config),
    Image: PAUSE_IMAGE,
    ...(isNode ? {} : { Hostname: config.hostname.slice(0, 63) }),
    Labels: {
      [LABEL.kind]: 'sandbox',
      [LABEL.node]: node,
      [LABEL.podUid]: config.metadata.uid,
      [LABEL.config]: JSON.stringify(config),
    },
    HostConfig: {
      NetworkMode: isNode ? 'host' : 'none',
      IpcMode: ipc === 'node' ? 'host' : 'shareable',
      ...(pid === 'node' ? { PidMode: 'host' } : {}),
      CgroupParent: cgroupParent,
      Sysctls: config.linux?.sysctls ?? {},
      ...(config.dns ? { Dns: config.dns.servers, DnsSearch: config.dns.searches, DnsOptions: config.dns.options } : {}),
      ...(config.runtimeHandler ? { Runtime: config.runtimeHandler } : {}),
      RestartPolicy: { Name: '' },
      LogConfig: { Type: 'none', Config: {} },
    },
  };
}

export function containerOptions(
  sandboxId: string,
  sandbox: PodSandboxConfig,
  config: ContainerConfig,
  cgroupParent: string,
  node: string,
): Docker.ContainerCreateOptions {
  const { linux = {}, command = [], args = [] } = config;
  const security = linux.securityContext ?? {};
  return {
    name: containerName(config, sandboxId),
    Image: config.image,
    ...(command.length > 0 ? { Entrypoint: command, Cmd: args } : args.length > 0 ? { Cmd: args } : {}),
    Env: [`HOSTNAME=${sandbox.hostname}`, ...(config.env ?? []).map(({ key, value }) => `${key}=${value}`)],
    ...(config.workingDir ? { WorkingDir: config.workingDir } : {}),
    ...userOf(security),
    Tty: config.tty === true,
    OpenStdin: config.stdin === true,
    StdinOnce: config.stdinOnce === true,
    ...(config.stopSignal ? { StopSignal: config.stopSignal } : {}),
    Labels: {
      [LABEL.kind]: 'container',
      [LABEL.node]: node,
      [LABEL.podUid]: sandbox.metadata.uid,
      [LABEL.sandboxId]: sandboxId,
      // environment variables may be secrets, and are not asked for again
      [LABEL.config]: JSON.stringify({ ...config, env: undefined, command: undefined, args: undefined }),
    },
    HostConfig: {
      ...namespacesOf(sandboxId, sandbox, security),
      ...resources(linux.resources ?? {}),
      ...privilegesOf(security),
      CgroupParent: cgroupParent,
      Mounts: (config.mounts ?? []).map(mount),
      Devices: (config.devices ?? []).map(({ hostPath, containerPath, permissions }) => ({
        PathOnHost: hostPath,
        PathInContainer: containerPath,
        CgroupPermissions: permissions || 'rwm',
      })),
      ...(sandbox.runtimeHandler ? { Runtime: sandbox.runtimeHandler } : {}),
      RestartPolicy: { Name: '' },
      LogConfig: LOGS,
    },
  };
}

function namespacesOf(sandboxId: string, { linux }: PodSandboxConfig, { pidTarget }: LinuxSecurityContext): Docker.HostConfig {
  const { network = 'pod', ipc = 'pod', pid = 'container' } = linux?.namespaces ?? {};
  const pidMode = pidTarget ? `container:${pidTarget}` : pid === 'node' ? 'host' : pid === 'pod' ? `container:${sandboxId}` : '';
  return {
    NetworkMode: network === 'node' ? 'host' : `container:${sandboxId}`,
    IpcMode: ipc === 'node' ? 'host' : `container:${sandboxId}`,
    ...(pidMode ? { PidMode: pidMode } : {}),
  };
}

function userOf({ runAsUser, runAsUsername, runAsGroup }: LinuxSecurityContext): { User?: string } {
  const user = runAsUser ?? runAsUsername;
  if (user === undefined || user === '') return {};
  return { User: runAsGroup === undefined ? String(user) : `${user}:${runAsGroup}` };
}

function privilegesOf(s: LinuxSecurityContext): Docker.HostConfig {
  const options: string[] = [];
  if (s.noNewPrivs) options.push('no-new-privileges');
  const { type = 'Unconfined', localhostRef = '' } = s.seccomp ?? {};
  if (type === 'Unconfined') options.push('seccomp=unconfined');
  if (type === 'Localhost') options.push(`seccomp=${readFileSync(localhostRef, 'utf8')}`);
  return {
    Privileged: s.privileged === true,
    ReadonlyRootfs: s.readonlyRootfs === true,
    CapAdd: s.capabilities?.add ?? [],
    CapDrop: s.capabilities?.drop ?? [],
    GroupAdd: (s.supplementalGroups ?? []).map(String),
    SecurityOpt: options,
    ...(s.maskedPaths ? { MaskedPaths: s.maskedPaths } : {}),
    ...(s.readonlyPaths ? { ReadonlyPaths: s.readonlyPaths } : {}),
  };
}

export const resources = (r: LinuxResources): Docker.HostConfig => ({
  ...(r.memoryLimitBytes ? { Memory: r.memoryLimitBytes, MemorySwap: r.memoryLimitBytes } : {}),
  ...(r.cpuShares ? { CpuShares: r.cpuShares } : {}),
  ...(r.cpuQuota === undefined ? {} : { CpuQuota: r.cpuQuota }),
  ...(r.cpuPeriod ? { CpuPeriod: r.cpuPeriod } : {}),
  ...(r.cpusetCpus ? { CpusetCpus: r.cpusetCpus } : {}),
  ...(r.cpusetMems ? { CpusetMems: r.cpusetMems } : {}),
  ...(r.pidsLimit ? { PidsLimit: r.pidsLimit } : {}),
  ...(r.oomScoreAdj === undefined ? {} : { OomScoreAdj: allowedOomScoreAdj(r.oomScoreAdj) }),
});

const PROPAGATION = { private: 'rprivate', 'host-to-container': 'rslave', bidirectional: 'rshared' } as const;

/** A source that is not there is made a folder, as other runtimes do. */
function mount({ hostPath, containerPath, readonly, propagation = 'private' }: Mount): Docker.MountSettings {
  if (!existsSync(hostPath)) mkdirSync(hostPath, { recursive: true });
  return {
    Type: 'bind',
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readonly === true,
    BindOptions: { Propagation: PROPAGATION[propagation] },
  };
}
