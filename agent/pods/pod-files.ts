// The files that every pod gets of its own: /etc/hosts, /etc/hostname, /etc/resolv.conf. Their contents are pure.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { resolvConf } from './resolv-conf.ts';

export interface ClusterNames {
  clusterDNS: string;
  clusterDomain: string;
}

/** The pod's host name: its own, or its name cut to what the kernel takes. */
export function hostnameOf(pod: Pod): string {
  return pod.spec?.hostnameOverride || (pod.spec?.hostname || pod.metadata.name || '').slice(0, 63).replace(/[.-]+$/, '');
}

/** `host.subdomain.ns.svc.domain`, when the pod has a subdomain. */
export function fqdnOf(pod: Pod, clusterDomain: string): string | undefined {
  if (!pod.spec?.subdomain || pod.spec.hostnameOverride) return undefined;
  return `${hostnameOf(pod)}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}`;
}

/** `nodeHosts`: the node's own file, shown to pods in the node's network. */
function hostsText(pod: Pod, ips: readonly string[], clusterDomain: string, nodeHosts: string): string {
  const aliases = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`).join('');
  const tail = aliases ? `\n# Entries added by HostAliases.\n${aliases}` : '';
  if (pod.spec?.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${tail}`;
  const names = [fqdnOf(pod, clusterDomain), hostnameOf(pod)].filter(Boolean).join('\t');
  return `${OWN_HOSTS}${ips.map((ip) => `${ip}\t${names}\n`).join('')}${tail}`;
}

const OWN_HOSTS = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

export interface PodFiles {
  hosts: string;
  hostname: string;
  resolv: string;
  /** What resolvers would not take and was left out, for events. */
  dnsProblems: readonly string[];
}

/** Writes the three files into the pod's folder and returns their paths. Synchronous: nothing is flushed, and the pod's first container waits. */
export function writePodFiles(folder: string, pod: Pod, ips: readonly string[], cluster: ClusterNames): PodFiles {
  const { text, problems: dnsProblems } = resolvConf(pod, cluster, readOwn('/etc/resolv.conf'));
  const paths = { hosts: join(folder, 'etc-hosts'), hostname: join(folder, 'etc-hostname'), resolv: join(folder, 'etc-resolv.conf') };
  mkdirSync(folder, { recursive: true });
  writeFileSync(paths.hosts, hostsText(pod, ips, cluster.clusterDomain, readOwn('/etc/hosts')), { mode: 0o644 });
  writeFileSync(paths.hostname, `${hostnameOf(pod)}\n`, { mode: 0o644 });
  writeFileSync(paths.resolv, text, { mode: 0o644 });
  return { ...paths, dnsProblems };
}

/** The node's; a node need not have one. */
function readOwn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
