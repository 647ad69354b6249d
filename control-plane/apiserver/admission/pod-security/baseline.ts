// The baseline standard as data: what is known to escalate privileges. In the order in which findings are told, which is upstream's (by name).
import {
  addedBeyond,
  type Check,
  type Container,
  containersFinding,
  containersOf,
  type Finding,
  found,
  hasOwnUsers,
  named,
  namesWhere,
  type PodSpec,
  plural,
  quote,
  setters,
  settersFinding,
  unconfined,
} from './finding.ts';

const appArmor: Check = {
  find(spec) {
    const who = setters(spec, (context) => context['appArmorProfile']?.type === 'Unconfined');
    return settersFinding('forbidden AppArmor profile', who, 'must not set AppArmor profile type to "Unconfined"');
  },
};

const DEFAULT_CAPABILITIES = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
);

export const capabilitiesBaseline: Check = {
  find: (spec) => found('non-default capabilities', [addedBeyond(spec, DEFAULT_CAPABILITIES)]),
};

const hostNamespaces: Check = {
  find: (spec) =>
    found(
      'host namespaces',
      ['hostNetwork', 'hostPID', 'hostIPC'].map((name) => spec[name] === true && `${name}=true`),
      ', ',
    ),
};

export const hostPathVolumes: Check = {
  find(spec) {
    const names = ((spec['volumes'] ?? []) as { name: string; hostPath?: object }[]).filter((v) => v.hostPath).map((v) => v.name);
    return found('hostPath volumes', [names.length > 0 && `${plural('volume', 'volumes', names.length)} ${quote(names)}`]);
  },
};

const hostPorts: Check = {
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
  since: 34,
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
  find: (spec) =>
    containersFinding(
      'privileged',
      namesWhere(spec, (context) => context['privileged'] === true),
      'must not set securityContext.privileged=true',
    ),
};

export function findUnmasked(spec: PodSpec): Finding | undefined {
  const names = namesWhere(spec, (context) => context['procMount'] !== undefined && context['procMount'] !== 'Default');
  return containersFinding('procMount', names, 'must not set securityContext.procMount to "Unmasked"');
}

/** Whatever a pod does to /proc is its own affair when its users are. */
export const procMount: Check = {
  find: (spec, version) => (hasOwnUsers(spec, version) ? undefined : findUnmasked(spec)),
};

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];
const ENGINE_TYPE_SINCE = 31;

const seLinux: Check = {
  find(spec, version) {
    const allowed = version >= ENGINE_TYPE_SINCE ? [...SELINUX_TYPES, 'container_engine_t'] : SELINUX_TYPES;
    type Options = { type?: string; user?: string; role?: string };
    const badType = (options: Options | undefined): boolean => !allowed.includes(options?.type ?? '');
    const bad = (options: Options | undefined): boolean => badType(options) || Boolean(options?.user) || Boolean(options?.role);
    const who = setters(spec, (context) => bad(context['seLinuxOptions']));
    if (who === '') return undefined;
    const all: (Options | undefined)[] = [
      spec['securityContext']?.seLinuxOptions,
      ...containersOf(spec).map((c) => c['securityContext']?.seLinuxOptions),
    ];
    const types = [...new Set(all.filter(badType).map((options) => options!.type!))].sort();
    const parts = [
      types.length > 0 && `${plural('type', 'types', types.length)} ${quote(types)}`,
      all.some((options) => options?.user) && 'user may not be set',
      all.some((options) => options?.role) && 'role may not be set',
    ].filter(Boolean);
    return settersFinding('seLinuxOptions', who, `set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}`);
  },
};

/** Older versions read annotations, upon which nothing acts any more. */
export const seccompBaseline: Check = { since: 19, find: (spec) => found('seccompProfile', [unconfined(spec)]) };

/** By the version that first allowed them. */
const SAFE_SYSCTLS: readonly { since: number; names: readonly string[] }[] = [
  {
    since: 0,
    names: [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  },
  { since: 27, names: ['net.ipv4.ip_local_reserved_ports'] },
  {
    since: 29,
    names: ['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'],
  },
  { since: 32, names: ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'] },
];

const sysctls: Check = {
  find(spec, version) {
    const safe = new Set(SAFE_SYSCTLS.filter(({ since }) => since <= version).flatMap(({ names }) => names));
    const names = ((spec['securityContext']?.sysctls ?? []) as { name: string }[])
      .map((item) => item.name)
      .filter((name) => !safe.has(name));
    return found('forbidden sysctls', [names.join(', ')]);
  },
};

const windowsHostProcess: Check = {
  find(spec) {
    const who = setters(spec, (context) => context['windowsOptions']?.hostProcess === true);
    return settersFinding('hostProcess', who, 'must not set securityContext.windowsOptions.hostProcess=true');
  },
};

export const baseline: readonly Check[] = [
  appArmor,
  capabilitiesBaseline,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  probeHosts,
  privileged,
  procMount,
  seLinux,
  seccompBaseline,
  sysctls,
  windowsHostProcess,
];
