// Kernel settings that a pod may ask for: those of its own namespaces that cannot harm its neighbours. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';

/** Upstream's safe set. */
const SAFE = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

/** Why the pod may not have what it asks for; undefined: it may. Both spellings, `net/ipv4/x` too. */
export function forbiddenSysctl(pod: Pod): string | undefined {
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.');
    if (!SAFE.has(dotted)) return `"${dotted}" not allowlisted`;
    if (dotted.startsWith('kernel.') && pod.spec?.hostIPC) return `"${dotted}" not allowed with host ipc enabled`;
    if (dotted.startsWith('net.') && pod.spec?.hostNetwork) return `"${dotted}" not allowed with host net enabled`;
  }
  return undefined;
}
