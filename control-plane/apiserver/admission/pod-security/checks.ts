// The Pod Security Standards as data: one check a rule, in the order in which findings are told. Pure.

export interface Finding {
  reason: string;
  detail: string;
}

type PodSpec = Record<string, any>;
type Container = Record<string, any>;

export interface Check {
  /** The restricted level replaces a baseline check by a stricter one of the same subject. */
  levels: readonly ('baseline' | 'restricted')[];
  find(spec: PodSpec): Finding | undefined;
}

const quote = (items: readonly string[]): string => items.map((item) => JSON.stringify(item)).join(', ');
const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);
const named = (names: readonly string[]): string => `${plural('container', 'containers', names.length)} ${quote(names)}`;

/** In upstream's order: init containers, containers, ephemeral ones. */
const containersOf = (spec: PodSpec): Container[] => [
  ...(spec['initContainers'] ?? []),
  ...(spec['containers'] ?? []),
  ...(spec['ephemeralContainers'] ?? []),
];

const namesWhere = (spec: PodSpec, bad: (context: Record<string, any>, container: Container) => boolean): string[] =>
  containersOf(spec)
    .filter((container) => bad(container['securityContext'] ?? {}, container))
    .map((container) => container['name'] as string);

const found = (reason: string, details: readonly (string | false | undefined)[], joiner = ' and '): Finding | undefined => {
  const texts = details.filter((text): text is string => typeof text === 'string' && text !== '');
  return texts.length > 0 ? { reason, detail: texts.join(joiner) } : undefined;
};

/** One finding about containers alone. */
const containersFinding = (reason: string, names: readonly string[], rule: string): Finding | undefined =>
  names.length > 0 ? { reason, detail: `${named(names)} ${rule}` } : undefined;

const allowPrivilegeEscalation: Check = {
  levels: ['restricted'],
  find: (spec) =>
    containersFinding(
      'allowPrivilegeEscalation != false',
      namesWhere(spec, (context) => context['allowPrivilegeEscalation'] !== false),
      'must set securityContext.allowPrivilegeEscalation=false',
    ),
};

const appArmor: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    const bad = (profile: { type?: string } | undefined): boolean => profile?.type === 'Unconfined';
    const names = namesWhere(spec, (context) => bad(context['appArmorProfile']));
    const setters = [bad(spec['securityContext']?.appArmorProfile) && 'pod', names.length > 0 && named(names)]
      .filter(Boolean)
      .join(' and ');
    return setters === ''
      ? undefined
      : { reason: 'forbidden AppArmor profile', detail: `${setters} must not set AppArmor profile type to "Unconfined"` };
  },
};

const DEFAULT_CAPABILITIES = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
);

function addedBeyond(spec: PodSpec, allowed: ReadonlySet<string>): string | undefined {
  const beyond = (container: Container): string[] =>
    ((container['securityContext']?.capabilities?.add ?? []) as string[]).filter((name) => !allowed.has(name));
  const bad = containersOf(spec).filter((container) => beyond(container).length > 0);
  if (bad.length === 0) return undefined;
  const capabilities = [...new Set(bad.flatMap(beyond))].sort();
  return `${named(bad.map((container) => container['name']))} must not include ${quote(capabilities)} in securityContext.capabilities.add`;
}

const capabilitiesBaseline: Check = {
  levels: ['baseline'],
  find: (spec) => found('non-default capabilities', [addedBeyond(spec, DEFAULT_CAPABILITIES)]),
};

const capabilitiesRestricted: Check = {
  levels: ['restricted'],
  find(spec) {
    const keeping = namesWhere(spec, (context) => !(context['capabilities']?.drop ?? []).includes('ALL'));
    const drop = keeping.length > 0 && `${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`;
    return found('unrestricted capabilities', [drop, addedBeyond(spec, new Set(['NET_BIND_SERVICE']))], '; ');
  },
};

const hostNamespaces: Check = {
  levels: ['baseline', 'restricted'],
  find: (spec) =>
    found(
      'host namespaces',
      ['hostNetwork', 'hostPID', 'hostIPC'].map((name) => spec[name] === true && `${name}=true`),
      ', ',
    ),
};

const hostPathVolumes: Check = {
  levels: ['baseline'],
  find(spec) {
    const names = ((spec['volumes'] ?? []) as { name: string; hostPath?: object }[]).filter((v) => v.hostPath).map((v) => v.name);
    return found('hostPath volumes', [names.length > 0 && `${plural('volume', 'volumes', names.length)} ${quote(names)}`]);
  },
};

const hostPorts: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    const portsOf = (container: Container): number[] =>
      ((container['ports'] ?? []) as { hostPort?: number }[]).map((port) => port.hostPort ?? 0).filter((port) => port !== 0);
    const bad = containersOf(spec).filter((container) => portsOf(container).length > 0);
    if (bad.length === 0) return undefined;
    const ports = [...new Set(bad.flatMap(portsOf).map(String))].sort();
    const word = plural('hostPort', 'hostPorts', ports.length);
    return { reason: word, detail: `${named(bad.map((c) => c['name']))} ${plural('uses', 'use', bad.length)} ${word} ${ports.join(', ')}` };
  },
};

const HOOKS = ['livenessProbe', 'readinessProbe', 'startupProbe'];

const probeHosts: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    const hostsOf = (container: Container): string[] =>
      [...HOOKS.map((name) => container[name]), container['lifecycle']?.postStart, container['lifecycle']?.preStop]
        .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
        .filter((host): host is string => typeof host === 'string' && host !== '');
    const bad = containersOf(spec).filter((container) => hostsOf(container).length > 0);
    if (bad.length === 0) return undefined;
    const hosts = [...new Set(bad.flatMap(hostsOf))].sort();
    const detail = `${named(bad.map((c) => c['name']))} ${plural('uses', 'use', bad.length)} probe or lifecycle ${plural('host', 'hosts', hosts.length)} ${quote(hosts)}`;
    return { reason: 'probe or lifecycle host', detail };
  },
};

const privileged: Check = {
  levels: ['baseline', 'restricted'],
  find: (spec) =>
    containersFinding(
      'privileged',
      namesWhere(spec, (context) => context['privileged'] === true),
      'must not set securityContext.privileged=true',
    ),
};

const procMount: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    const names = namesWhere(spec, (context) => context['procMount'] !== undefined && context['procMount'] !== 'Default');
    return containersFinding('procMount', names, 'must not set securityContext.procMount to "Unmasked"');
  },
};

const PLAIN_VOLUMES = new Set([
  'name',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

const restrictedVolumes: Check = {
  levels: ['restricted'],
  find(spec) {
    const typeOf = (volume: object): string | undefined => Object.keys(volume).find((key) => !PLAIN_VOLUMES.has(key));
    const bad = ((spec['volumes'] ?? []) as { name: string }[]).filter(typeOf);
    if (bad.length === 0) return undefined;
    const types = [...new Set(bad.map((volume) => typeOf(volume)!))].sort();
    const detail = `${plural('volume', 'volumes', bad.length)} ${quote(bad.map((v) => v.name))} ${plural('uses', 'use', bad.length)} restricted volume ${plural('type', 'types', types.length)} ${quote(types)}`;
    return { reason: 'restricted volume types', detail };
  },
};

const runAsNonRoot: Check = {
  levels: ['restricted'],
  find(spec) {
    const pod: boolean | undefined = spec['securityContext']?.runAsNonRoot;
    const explicit = namesWhere(spec, (context) => context['runAsNonRoot'] === false);
    const implicit = pod === undefined ? namesWhere(spec, (context) => context['runAsNonRoot'] === undefined) : [];
    const setters = [pod === false && 'pod', explicit.length > 0 && named(explicit)].filter(Boolean).join(' and ');
    if (setters !== '') return { reason: 'runAsNonRoot != true', detail: `${setters} must not set securityContext.runAsNonRoot=false` };
    return found('runAsNonRoot != true', [implicit.length > 0 && `pod or ${named(implicit)} must set securityContext.runAsNonRoot=true`]);
  },
};

const runAsUser: Check = {
  levels: ['restricted'],
  find(spec) {
    const names = namesWhere(spec, (context) => context['runAsUser'] === 0);
    const setters = [spec['securityContext']?.runAsUser === 0 && 'pod', names.length > 0 && named(names)].filter(Boolean).join(' and ');
    return found('runAsUser=0', [setters !== '' && `${setters} must not set runAsUser=0`]);
  },
};

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

const seLinux: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    type Options = { type?: string; user?: string; role?: string };
    const badType = (options: Options | undefined): boolean => !SELINUX_TYPES.includes(options?.type ?? '');
    const bad = (options: Options | undefined): boolean => badType(options) || Boolean(options?.user) || Boolean(options?.role);
    const names = namesWhere(spec, (context) => bad(context['seLinuxOptions']));
    const all: (Options | undefined)[] = [
      spec['securityContext']?.seLinuxOptions,
      ...containersOf(spec).map((c) => c['securityContext']?.seLinuxOptions),
    ];
    const setters = [bad(all[0]) && 'pod', names.length > 0 && named(names)].filter(Boolean).join(' and ');
    if (setters === '') return undefined;
    const types = [...new Set(all.filter(badType).map((options) => options!.type!))].sort();
    const parts = [
      types.length > 0 && `${plural('type', 'types', types.length)} ${quote(types)}`,
      all.some((options) => options?.user) && 'user may not be set',
      all.some((options) => options?.role) && 'role may not be set',
    ].filter(Boolean);
    return { reason: 'seLinuxOptions', detail: `${setters} set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}` };
  },
};

function unconfined(spec: PodSpec): string | undefined {
  const bad = (profile: { type?: string } | undefined): boolean => profile?.type === 'Unconfined';
  const names = namesWhere(spec, (context) => bad(context['seccompProfile']));
  const setters = [bad(spec['securityContext']?.seccompProfile) && 'pod', names.length > 0 && named(names)].filter(Boolean).join(' and ');
  return setters === '' ? undefined : `${setters} must not set securityContext.seccompProfile.type to "Unconfined"`;
}

const seccompBaseline: Check = { levels: ['baseline'], find: (spec) => found('seccompProfile', [unconfined(spec)]) };

const seccompRestricted: Check = {
  levels: ['restricted'],
  find(spec) {
    const pod = spec['securityContext']?.seccompProfile !== undefined;
    const bare = pod ? [] : namesWhere(spec, (context) => context['seccompProfile'] === undefined);
    const missing =
      bare.length > 0 && `pod or ${named(bare)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
    return found('seccompProfile', [unconfined(spec) ?? missing]);
  },
};

const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

const sysctls: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    const names = ((spec['securityContext']?.sysctls ?? []) as { name: string }[])
      .map((item) => item.name)
      .filter((name) => !SAFE_SYSCTLS.has(name));
    return found('forbidden sysctls', [names.join(', ')]);
  },
};

const windowsHostProcess: Check = {
  levels: ['baseline', 'restricted'],
  find(spec) {
    const names = namesWhere(spec, (context) => context['windowsOptions']?.hostProcess === true);
    const setters = [spec['securityContext']?.windowsOptions?.hostProcess === true && 'pod', names.length > 0 && named(names)]
      .filter(Boolean)
      .join(' and ');
    return found('hostProcess', [setters !== '' && `${setters} must not set securityContext.windowsOptions.hostProcess=true`]);
  },
};

export const checks: readonly Check[] = [
  allowPrivilegeEscalation,
  appArmor,
  capabilitiesBaseline,
  capabilitiesRestricted,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  probeHosts,
  privileged,
  procMount,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seLinux,
  seccompBaseline,
  seccompRestricted,
  sysctls,
  windowsHostProcess,
];
