// Configuration files of the two programs, from a cluster's record. Pure, but for reading credentials.
import { addressIn, agentPort, apiPortOnLan, lan } from './addresses.ts';
import { netnsOf } from './host.ts';
import { layoutOf } from './layout.ts';
import { cgroupDriverOf, dnsAddress, runtimeOf } from './options.ts';
import type { ClusterRecord, NodeRecord } from './record.ts';

const clusterDomain = 'cluster.local';

/** Names under which the API server is reached; all in its certificate. */
export function apiServerNames(record: ClusterRecord): { names: string[]; ips: string[] } {
  return {
    names: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${clusterDomain}`],
    ips: ['127.0.0.1', lan.gateway, addressIn(record.options.serviceCIDR, 1)],
  };
}

export function controlPlaneConfig(record: ClusterRecord) {
  const layout = layoutOf(record.name);
  const { auditPolicy, encryptionConfig, tracingConfig, authenticationConfig, tokenFile } = record.options;
  return {
    clusterName: record.name,
    dataDir: layout.data,
    pkiDir: layout.pki,
    /** Listened on before `netns` is entered: where kubectl on the machine connects. */
    outerListen: [{ host: '127.0.0.1', port: record.apiPort }],
    netns: record.lan ? netnsOf(record.lan) : undefined,
    listen: [{ host: lan.gateway, port: apiPortOnLan }],
    advertise: { host: lan.gateway, port: apiPortOnLan },
    serviceCIDR: record.options.serviceCIDR,
    podCIDR: record.options.podCIDR,
    clusterDomain,
    store: { driver: 'embedded' },
    ...(auditPolicy ? { audit: { policyFile: auditPolicy, path: `${layout.logs}/audit.log`, maxSizeMB: 100, maxBackups: 5 } } : {}),
    ...(encryptionConfig ? { encryptionFile: encryptionConfig } : {}),
    ...(tracingConfig ? { tracingFile: tracingConfig } : {}),
    ...(authenticationConfig || tokenFile
      ? { authentication: { ...(authenticationConfig ? { configFile: authenticationConfig } : {}), ...(tokenFile ? { tokenFile } : {}) } }
      : {}),
  };
}

/** Longer paths do not fit a socket's address (unix(7)): such a node does without. */
const criSocket = (path: string): { criSocket?: string } => (Buffer.byteLength(path) <= 107 ? { criSocket: path } : {});

/** Where containerd, started inside of the node, is to look for its network. */
const cniFolders = (runtime: string, dir: string): { cniConfDir?: string; cniBinDir?: string } =>
  runtime.startsWith('unix://') ? { cniConfDir: `${dir}/cni/net.d`, cniBinDir: `${dir}/cni/bin` } : {};

export function agentConfig(record: ClusterRecord, node: NodeRecord) {
  const layout = layoutOf(record.name);
  const files = layout.node(node.name);
  return {
    clusterName: record.name,
    nodeName: node.name,
    nodeIP: node.ip,
    kubeconfig: files.kubeconfig,
    bootstrapKubeconfig: files.bootstrapKubeconfig,
    stateDir: files.state,
    runDir: files.run,
    ...criSocket(`${files.run}/cri.sock`),
    imagesDir: layout.images,
    logDir: '/var/log/pods',
    clusterDNS: dnsAddress(record.options.serviceCIDR),
    clusterDomain,
    serviceCIDR: record.options.serviceCIDR,
    clusterCIDR: record.options.podCIDR,
    runtime: runtimeOf(record.options, node.name),
    ...cniFolders(runtimeOf(record.options, node.name), files.dir),
    runtimeHandlers: record.options.runtimeHandlers ?? {},
    cgroupParent: files.cgroup,
    cgroupDriver: cgroupDriverOf(record.options),
    port: agentPort,
    servingCert: `${files.dir}/serving.crt`,
    servingKey: `${files.dir}/serving.key`,
    clientCA: `${layout.pki}/ca.crt`,
    insecureRegistries: record.options.insecureRegistries ?? [],
    mirrors: record.options.mirrors ?? {},
    ...(record.options.registryCertsDir === undefined ? {} : { registryCertsDir: record.options.registryCertsDir }),
    labels: {},
    staticPodPath: files.manifests,
    // The disk is the machine's: how full its other users keep it must neither end pods nor remove images, which nobody could pull again.
    imageGCHighThresholdPercent: 100,
    eviction: { hard: { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%', 'imagefs.inodesFree': '0%' } },
  };
}
