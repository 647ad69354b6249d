// The agent's configuration: one JSON file, checked field by field, so that a wrong file is told at the start and by name.
import { readFile } from 'node:fs/promises';
import type { CgroupDriverName } from '../kit/linux/index.ts';
import { type EvictionSettings, evictionSettings } from './eviction/index.ts';
import { checkMirrors, checkVerification, type VerificationSettings, verificationDefaults } from './image-settings.ts';
import { parseCgroupDriver, parseRuntime, parseRuntimeHandlers, type RuntimeHandlers } from './runtime-choice.ts';
import { checkShutdown, type ShutdownSettings, shutdownDefaults } from './shutdown/index.ts';

export interface AgentConfig extends ShutdownSettings, VerificationSettings {
  clusterName: string;
  nodeName: string;
  /** InternalIP of the node; the agent's API listens there. */
  nodeIP: string;
  /** Path of a kubeconfig. */
  kubeconfig: string;
  /** Of a token by which a node that has no kubeconfig yet is let into the cluster; `kubeconfig` is made then. */
  bootstrapKubeconfig?: string;
  /** Ask the cluster for new certificates before the present ones end. */
  rotateCertificates: boolean;
  /** Survives a reboot: pod folders, container records. */
  stateDir: string;
  /** May vanish with a reboot: sockets, pinned namespaces. */
  runDir: string;
  /** Image store; may be shared by the nodes of one machine. */
  imagesDir: string;
  /** Folder of the containers' logs, `<ns>_<pod>_<uid>/<container>/<n>.log` below. */
  logDir: string;
  /** Folder of links to them, for log collectors. */
  containerLogDir: string;
  /** Past it a container's log is rotated. */
  containerLogMaxBytes: number;
  /** Log files a container may have, 2 at least. */
  containerLogMaxFiles: number;
  clusterDNS: string;
  clusterDomain: string;
  serviceCIDR: string;
  clusterCIDR: string;
  /** `runc`, `crun`, the path of an OCI runtime, `unix:///…` of a CRI socket, `docker:///…` of Docker's. */
  runtime: string;
  /** Further OCI runtimes, by the handler that a RuntimeClass names. */
  runtimeHandlers: RuntimeHandlers;
  /** With a CRI socket: folders where that runtime looks for its network (containerd: conf_dir, bin_dir), written by the agent. Both or none. */
  cniConfDir?: string;
  cniBinDir?: string;
  /** Folder below every cgroup controller in which `kubepods` is made; `/` on a dedicated machine. */
  cgroupParent: string;
  /** Who makes pods' control groups: the agent by itself (`cgroupfs`), or `systemd` as its slices and scopes. */
  cgroupDriver: CgroupDriverName;
  /** Where the agent's container runtime is served to other clients, such as crictl; absent: nowhere. At most 107 bytes (unix(7)). */
  criSocket?: string;
  /** TCP port of the agent's API. */
  port: number;
  /** First certificate of the agent's API. Where it is missing, or ends, one is asked for. */
  servingCert: string;
  servingKey: string;
  /** CA of the client certificates that the agent's API accepts. */
  clientCA: string;
  insecureRegistries: string[];
  /** Endpoints asked before a registry itself, by its name: `{ "docker.io": ["http://127.0.0.1:5000"] }`. */
  mirrors: Record<string, string[]>;
  /** Folder of certificates for registries, `HOST[:PORT]/ca.crt`; changes count at once. */
  registryCertsDir: string;
  /** kubelet's CredentialProviderConfig file, and the folder of its programs. */
  imageCredentialProviderConfig?: string;
  imageCredentialProviderBinDir?: string;
  /** Percent of the disk above which unused images go, and until which. */
  imageGCHighThresholdPercent: number;
  imageGCLowThresholdPercent: number;
  imageMinimumGCAgeMs: number;
  /** 0: no limit. */
  imageMaximumGCAgeMs: number;
  /** From where on pods are ended for the sake of the node; what is left out is upstream's. */
  eviction: EvictionSettings;
  /** Resources kept for the system and the agent: not allocatable. */
  reserved: Record<string, string>;
  /** Pods at most. */
  maxPods: number;
  /** Processes and threads at most in any one pod; -1: as many as the node has. */
  podPidsLimit: number;
  /** Folder of pods that this node runs without being asked by the API; absent: none. */
  staticPodPath?: string;
  /** Labels that the node is registered with, beside the well-known ones. */
  labels: Record<string, string>;
}

const TEXTS = [
  'clusterName',
  'nodeName',
  'nodeIP',
  'kubeconfig',
  'stateDir',
  'runDir',
  'imagesDir',
  'logDir',
  'containerLogDir',
  'clusterDNS',
  'clusterDomain',
  'serviceCIDR',
  'clusterCIDR',
  'cgroupParent',
  'servingCert',
  'servingKey',
  'clientCA',
  'registryCertsDir',
] as const;

const DEFAULTS = {
  clusterName: 'wherry',
  clusterDomain: 'cluster.local',
  cgroupParent: '/',
  cgroupDriver: 'cgroupfs',
  runtime: 'runc',
  runtimeHandlers: {},
  port: 10250,
  insecureRegistries: [],
  mirrors: {},
  registryCertsDir: '/etc/wherry/certs.d',
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAgeMs: 120_000,
  imageMaximumGCAgeMs: 0,
  labels: {},
  containerLogDir: '/var/log/containers',
  containerLogMaxBytes: 10 * 1024 * 1024,
  containerLogMaxFiles: 5,
  reserved: {},
  maxPods: 110,
  rotateCertificates: true,
  ...shutdownDefaults,
  ...verificationDefaults,
  podPidsLimit: -1,
};

/** Whole numbers, and the least that makes sense. */
const LEAST: Record<string, number> = {
  containerLogMaxBytes: 4096,
  containerLogMaxFiles: 2,
  maxPods: 1,
  podPidsLimit: -1,
  imageGCHighThresholdPercent: 0,
  imageGCLowThresholdPercent: 0,
  imageMinimumGCAgeMs: 0,
  imageMaximumGCAgeMs: 0,
};

/** Of kubelet's resource managers, as its configuration writes them: CPUs and NUMA nodes are not given to single containers. */
const POLICIES = { cpuManagerPolicy: 'none', memoryManagerPolicy: 'None', topologyManagerPolicy: 'none' };

/** Reads and checks the file. @throws Error naming the file and the field. */
export async function loadConfig(path: string): Promise<AgentConfig> {
  try {
    return parseConfig(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`agent configuration ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** @throws Error `field NAME: what is wrong` */
export function parseConfig(text: string): AgentConfig {
  const given: unknown = JSON.parse(text);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('must be a JSON object');
  const config = { ...DEFAULTS, ...given } as Record<string, unknown>;
  for (const field of TEXTS) {
    if (config[field] === undefined) throw new Error(`field ${field}: missing`);
    if (typeof config[field] !== 'string' || config[field] === '')
      throw new Error(`field ${field}: must be a text that is not empty, is ${JSON.stringify(config[field])}`);
  }
  parseRuntime(config['runtime']);
  parseCgroupDriver(config['cgroupDriver']);
  config['runtimeHandlers'] = parseRuntimeHandlers(config['runtimeHandlers']);
  checkFolders(config);
  const port = config['port'];
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535)
    throw new Error(`field port: must be a port number, is ${JSON.stringify(port)}`);
  const criSocket = config['criSocket'];
  if (criSocket !== undefined && !isSocketPath(criSocket))
    throw new Error(`field criSocket: must be a path of at most ${SOCKET_PATH_MAX} bytes, is ${JSON.stringify(criSocket)}`);
  for (const [field, least] of Object.entries(LEAST))
    if (!Number.isInteger(config[field]) || (config[field] as number) < least)
      throw new Error(`field ${field}: must be a whole number of at least ${least}, is ${JSON.stringify(config[field])}`);
  if (!isTexts(config['insecureRegistries'])) throw new Error('field insecureRegistries: must be a list of texts');
  if (config['staticPodPath'] !== undefined && (typeof config['staticPodPath'] !== 'string' || !config['staticPodPath'].startsWith('/')))
    throw new Error(`field staticPodPath: must be an absolute path, is ${JSON.stringify(config['staticPodPath'])}`);
  if (config['bootstrapKubeconfig'] !== undefined && typeof config['bootstrapKubeconfig'] !== 'string')
    throw new Error(`field bootstrapKubeconfig: must be a path, is ${JSON.stringify(config['bootstrapKubeconfig'])}`);
  if (typeof config['rotateCertificates'] !== 'boolean')
    throw new Error(`field rotateCertificates: must be true or false, is ${JSON.stringify(config['rotateCertificates'])}`);
  checkShutdown(config);
  checkMirrors(config['mirrors']);
  checkVerification(config);
  for (const [field, only] of Object.entries(POLICIES))
    if (config[field] !== undefined && config[field] !== only)
      throw new Error(
        `field ${field}: only ${JSON.stringify(only)} is supported, is ${JSON.stringify(config[field])}: containers share the node's CPUs and memory`,
      );
  const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low } = config;
  if ((high as number) > 100 || (low as number) >= (high as number))
    throw new Error(`field imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent (at most 100), is ${low} of ${high}`);
  const labels = config['labels'];
  if (typeof labels !== 'object' || labels === null || !isTexts(Object.values(labels)))
    throw new Error('field labels: must map texts to texts');
  const reserved = config['reserved'];
  if (typeof reserved !== 'object' || reserved === null || !isTexts(Object.values(reserved)))
    throw new Error('field reserved: must map resources to quantities');
  config['eviction'] = evictionSettings(config['eviction']);
  return config as unknown as AgentConfig;
}

function checkFolders({ cniConfDir, cniBinDir }: Record<string, unknown>): void {
  for (const [field, path] of Object.entries({ cniConfDir, cniBinDir }))
    if (path !== undefined && (typeof path !== 'string' || !path.startsWith('/')))
      throw new Error(`field ${field}: must be an absolute path, is ${JSON.stringify(path)}`);
  if ((cniConfDir === undefined) !== (cniBinDir === undefined))
    throw new Error('fields cniConfDir and cniBinDir: both or none must be set');
}

const SOCKET_PATH_MAX = 107;
const isSocketPath = (value: unknown): boolean =>
  typeof value === 'string' && value.startsWith('/') && Buffer.byteLength(value) <= SOCKET_PATH_MAX;

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');
