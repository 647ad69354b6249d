// What a CRI client asks for, in the words of agent/cri. Pure.
import { hostname } from 'node:os';
import {
  type ContainerConfig,
  CriError,
  type LinuxSecurityContext,
  type Mount,
  type NamespaceOptions,
  type PodSandboxConfig,
  type RegistryAuth,
  type SecurityProfile,
} from '../cri/index.ts';
import type * as wire from './gen/types.ts';
import { fromMount, fromNamespaces, fromResources, fromSignal, PROPAGATIONS } from './words.ts';

export function podSandboxConfig(config: wire.PodSandboxConfig, runtimeHandler: string): PodSandboxConfig {
  const { name = '', namespace = '', uid = '', attempt = 0 } = config.metadata ?? {};
  const { linux, dnsConfig } = config;
  const cgroupParent = linux?.cgroupParent;
  const security = linux?.securityContext;
  const namespaces = namespaceOptions(security?.namespaceOptions);
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: config.hostname || hostname(),
    logDirectory: config.logDirectory ?? '',
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    ...(runtimeHandler ? { runtimeHandler } : {}),
    ...(config.portMappings?.length ? { portMappings: config.portMappings.map(portMapping) } : {}),
    ...(dnsConfig
      ? { dns: { servers: dnsConfig.servers ?? [], searches: dnsConfig.searches ?? [], options: dnsConfig.options ?? [] } }
      : {}),
    linux: {
      ...(cgroupParent ? { cgroupParent } : {}),
      ...(linux?.resources ? { resources: fromResources(linux.resources) } : {}),
      ...(linux?.sysctls ? { sysctls: linux.sysctls } : {}),
      ...(linux?.securityContext?.privileged ? { privileged: true } : {}),
      ...(namespaces ? { namespaces } : {}),
    },
  };
}

const portMapping = ({ protocol, containerPort = 0, hostPort = 0, hostIp = '' }: wire.PortMapping) => ({
  protocol: known('protocol', protocol ?? 'TCP', ['TCP', 'UDP', 'SCTP']),
  containerPort,
  hostPort,
  hostIp,
});

/** @throws CriError for a mode that is not there, and for users that cannot be mapped like that */
function namespaceOptions(options: wire.NamespaceOption | null | undefined): NamespaceOptions | undefined {
  if (!options) return undefined;
  known('namespace mode of user', options.usernsOptions?.mode ?? 'POD', ['POD', 'NODE']);
  for (const what of ['network', 'pid', 'ipc'] as const)
    known(`namespace mode of ${what}`, options[what] ?? 'POD', ['POD', 'CONTAINER', 'NODE', 'TARGET']);
  return fromNamespaces(options);
}

/** The pod's PID mode where the container's own says so: kubelet always sends both alike. @throws CriError for what is not supported */
export function containerConfig(config: wire.ContainerConfig): ContainerConfig {
  const security = securityContext(config.linux?.securityContext);
  const resources = config.linux?.resources;
  const stopSignal = fromSignal(config.stopSignal);
  return {
    metadata: { name: config.metadata?.name ?? '', attempt: config.metadata?.attempt ?? 0 },
    image: config.image?.image ?? '',
    command: config.command ?? [],
    args: config.args ?? [],
    workingDir: config.workingDir ?? '',
    env: (config.envs ?? []).map(({ key = '', value }) => ({ key, value: Buffer.from(value ?? []).toString() })),
    mounts: (config.mounts ?? []).map(mount),
    devices: (config.devices ?? []).map(({ containerPath = '', hostPath = '', permissions = '' }) => ({
      containerPath,
      hostPath,
      permissions,
    })),
    cdiDevices: (config.CDIDevices ?? []).map(({ name = '' }) => name),
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    logPath: config.logPath ?? '',
    stdin: config.stdin === true,
    stdinOnce: config.stdinOnce === true,
    tty: config.tty === true,
    ...(stopSignal ? { stopSignal } : {}),
    linux: {
      ...(resources ? { resources: fromResources(resources) } : {}),
      ...(security ? { securityContext: security } : {}),
    },
  };
}

/** A number in place of a name is a value that CRI v1 does not have. @throws CriError InvalidArgument */
function known<T extends string>(what: string, value: T, values: readonly T[]): T {
  if (!values.includes(value)) throw new CriError('InvalidArgument', `${what}: ${JSON.stringify(value)} is not known`);
  return value;
}

const mount = (m: wire.Mount): Mount => {
  known('mount propagation', m.propagation ?? 'PROPAGATION_PRIVATE', PROPAGATIONS);
  return fromMount(m);
};

function securityContext(s: wire.LinuxContainerSecurityContext | null | undefined): LinuxSecurityContext | undefined {
  if (!s) return undefined;
  if (s.runAsGroup && !s.runAsUser && !s.runAsUsername)
    throw new CriError('InvalidArgument', 'runAsGroup is specified without runAsUser or runAsUsername');
  const seccomp = securityProfile(s.seccomp, s.seccompProfilePath);
  const apparmor = securityProfile(s.apparmor, s.apparmorProfile);
  const target = s.namespaceOptions?.pid === 'TARGET' ? s.namespaceOptions.targetId : undefined;
  return {
    privileged: s.privileged === true,
    capabilities: {
      add: (s.capabilities?.addCapabilities ?? []).map(bareName),
      drop: (s.capabilities?.dropCapabilities ?? []).map(bareName),
    },
    readonlyRootfs: s.readonlyRootfs === true,
    noNewPrivs: s.noNewPrivs === true,
    ...(s.runAsUser ? { runAsUser: Number(s.runAsUser.value ?? 0) } : {}),
    ...(s.runAsUsername ? { runAsUsername: s.runAsUsername } : {}),
    ...(s.runAsGroup ? { runAsGroup: Number(s.runAsGroup.value ?? 0) } : {}),
    supplementalGroups: (s.supplementalGroups ?? []).map(Number),
    ...(s.supplementalGroupsPolicy === 'Strict' ? { supplementalGroupsPolicy: 'Strict' } : {}),
    ...(seccomp ? { seccomp } : {}),
    ...(apparmor ? { apparmor } : {}),
    ...(target ? { pidTarget: target } : {}),
    maskedPaths: s.maskedPaths ?? [],
    readonlyPaths: s.readonlyPaths ?? [],
  };
}

/** `CAP_SYS_ADMIN` and `SYS_ADMIN` are the same. */
const bareName = (capability: string): string => capability.toUpperCase().replace(/^CAP_/, '');

/** The profile message wins over the older text form (`runtime/default`, `localhost/NAME`, `unconfined`). */
function securityProfile(profile: wire.SecurityProfile | null | undefined, legacy: string | undefined): SecurityProfile | undefined {
  if (profile) {
    const type = known('profile type', profile.profileType ?? 'RuntimeDefault', ['RuntimeDefault', 'Unconfined', 'Localhost']);
    return type === 'Localhost' ? { type, localhostRef: profile.localhostRef ?? '' } : { type };
  }
  if (!legacy || legacy === 'unconfined') return undefined;
  if (legacy.startsWith('localhost/')) return { type: 'Localhost', localhostRef: legacy.slice('localhost/'.length) };
  return { type: 'RuntimeDefault' };
}

export function registryAuth(auth: wire.AuthConfig | null | undefined): RegistryAuth | undefined {
  if (!auth) return undefined;
  const { username, password, auth: basic, identityToken, registryToken } = auth;
  const given: RegistryAuth = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(basic ? { auth: basic } : {}),
    ...(identityToken ? { identityToken } : {}),
    ...(registryToken ? { registryToken } : {}),
  };
  return Object.keys(given).length > 0 ? given : undefined;
}
