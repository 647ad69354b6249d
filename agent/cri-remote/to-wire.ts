// What the agent wants, as messages of CRI v1. Pure.
import {
  type ContainerConfig,
  type ContainerFilter,
  type LinuxSecurityContext,
  MASKED_PATHS,
  type PodSandboxConfig,
  READONLY_PATHS,
  type RegistryAuth,
  type SandboxFilter,
  type SecurityProfile,
} from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { CONTAINER_STATE, SANDBOX_STATE, toMount, toNamespaces, toResources, toSignal } from '../cri-grpc/words.ts';
import { type SandboxNote, withContainerNote, withSandboxNote } from './notes.ts';

/** `cgroupParent`: of the pod, in the runtime's words. */
export function podSandboxConfig(config: PodSandboxConfig, cgroupParent: string): wire.PodSandboxConfig {
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
      cgroupParent,
      sysctls: linux.sysctls ?? {},
      ...(linux.resources ? { resources: toResources(linux.resources) } : {}),
      securityContext: {
        namespaceOptions: toNamespaces(linux.namespaces),
        privileged: linux.privileged === true,
        seccomp: { profileType: linux.privileged ? 'Unconfined' : 'RuntimeDefault' },
      },
    },
  };
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
    mounts: (config.mounts ?? []).map(toMount),
    devices: config.devices ?? [],
    CDIDevices: (config.cdiDevices ?? []).map((name) => ({ name })),
    labels: config.labels ?? {},
    annotations: withContainerNote(sandboxId, sandbox.metadata.uid, config),
    logPath: config.logPath ?? '',
    stdin: config.stdin === true,
    stdinOnce: config.stdinOnce === true,
    tty: config.tty === true,
    ...(config.stopSignal ? { stopSignal: toSignal(config.stopSignal) } : {}),
    linux: { resources: toResources(linux.resources ?? {}), securityContext: securityContext(linux.securityContext ?? {}, sandbox) },
  };
}

function securityContext(s: LinuxSecurityContext, sandbox: SandboxNote): wire.LinuxContainerSecurityContext {
  const namespaces = toNamespaces(sandbox.linux?.namespaces);
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
    maskedPaths: s.privileged ? [] : (s.maskedPaths ?? [...MASKED_PATHS]),
    readonlyPaths: s.privileged ? [] : (s.readonlyPaths ?? [...READONLY_PATHS]),
  };
}

const seccomp = (profile: SecurityProfile | undefined): wire.SecurityProfile => ({
  profileType: profile?.type ?? 'Unconfined',
  localhostRef: profile?.localhostRef ?? '',
});

export const sandboxFilter = (filter: SandboxFilter = {}): wire.PodSandboxFilter => ({
  ...(filter.id ? { id: filter.id } : {}),
  ...(filter.state ? { state: { state: SANDBOX_STATE[filter.state] } } : {}),
  ...(filter.labels ? { labelSelector: filter.labels } : {}),
});

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
