// A pod -> the CRI's sandbox configuration. Pure.
import { join } from 'node:path';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { graceSecondsOf } from '../../kit/pods/index.ts';
import type { PodSandboxConfig, UserIds } from '../cri/index.ts';
import { GRACE_ANNOTATION, podLabels } from './names.ts';
import { type ClusterNames, fqdnOf, hostnameOf } from './pod-files.ts';
import { podCgroup, podHugepages, podResources } from './qos.ts';

/** Folder of the pod's logs, as kubelet names it. */
export const podLogFolder = (logDir: string, pod: Pod): string =>
  join(logDir, `${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`);

/** What all pods of the node share. */
export interface SandboxSettings {
  logDir: string;
  /** Processes and threads at most; -1: no limit. */
  podPidsLimit: number;
  /** What the node has for pods. */
  allocatable: Readonly<Record<string, string>>;
  cluster: Pick<ClusterNames, 'clusterDomain'>;
}

/** `users`: of a pod that has its own. @throws Error when the full host name is asked for and does not fit the kernel's 64 characters */
export function sandboxConfig(
  pod: Pod,
  attempt: number,
  { logDir, podPidsLimit, allocatable, cluster }: SandboxSettings,
  users?: UserIds,
): PodSandboxConfig {
  const { metadata, spec } = pod;
  const fqdn = spec?.setHostnameAsFQDN ? fqdnOf(pod, cluster.clusterDomain) : undefined;
  if (fqdn !== undefined && fqdn.length > 64)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (64 characters is the max, ${fqdn.length} characters requested)`,
    );
  const sysctls = Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]));
  const portMappings = (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ containerPort, hostPort, protocol = 'TCP', hostIP }) =>
      hostPort ? [{ containerPort, hostPort, protocol: protocol as 'TCP', ...(hostIP ? { hostIp: hostIP } : {}) }] : [],
    ),
  );
  return {
    metadata: { name: metadata.name ?? '', namespace: metadata.namespace ?? '', uid: metadata.uid ?? '', attempt },
    hostname: fqdn ?? hostnameOf(pod),
    logDirectory: podLogFolder(logDir, pod),
    labels: { ...metadata.labels, ...podLabels(pod) },
    annotations: { ...metadata.annotations, [GRACE_ANNOTATION]: String(graceSecondsOf(pod)) },
    ...(portMappings.length > 0 ? { portMappings } : {}),
    linux: {
      cgroupParent: podCgroup(pod),
      resources: { ...podResources(pod), ...podHugepages(pod, allocatable), ...(podPidsLimit > 0 ? { pidsLimit: podPidsLimit } : {}) },
      ...(Object.keys(sysctls).length > 0 ? { sysctls } : {}),
      privileged: [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].some((c) => c.securityContext?.privileged === true),
      namespaces: {
        network: spec?.hostNetwork ? 'node' : 'pod',
        pid: spec?.hostPID ? 'node' : spec?.shareProcessNamespace ? 'pod' : 'container',
        ipc: spec?.hostIPC ? 'node' : 'pod',
        ...(users ? { user: users } : {}),
      },
    },
  };
}
