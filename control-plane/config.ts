// The control plane's configuration file (JSON).
import { readFileSync } from 'node:fs';
import type { Address, AuditConfig, AuthenticationSettings } from './apiserver/index.ts';
import type { StoreConfig } from './store/index.ts';

export interface ControlPlaneConfig {
  clusterName: string;
  /** The embedded store lies here. */
  dataDir: string;
  /** Keys and certificates; made when absent. Default `dataDir`/pki. */
  pkiDir?: string;
  /** Listened on before `netns` is entered. */
  outerListen?: Address[];
  /** Path of the network namespace in which everything else happens. */
  netns?: string;
  listen: Address[];
  /** As nodes and pods reach the API server. */
  advertise: Address;
  serviceCIDR: string;
  podCIDR?: string;
  clusterDomain?: string;
  /** Cluster IP of the DNS Service. Default: the tenth address of `serviceCIDR`. */
  clusterDNS?: string;
  /** Who did what, by a policy: docs/how-to/operate.md. Absent: nothing is written. */
  audit?: AuditConfig;
  /** Other issuers of tokens (OpenID Connect), static tokens, what strangers may ask. Absent: certificates and service account tokens. */
  authentication?: AuthenticationSettings;
  /** How long /readyz fails before the server stops to listen; default 0. */
  shutdownDelaySeconds?: number;
  /** Requests worked on at once, shared out by priority and fairness; default 600. */
  maxRequestsInFlight?: number;
  /** 0 to 0.02: a request over HTTP/2 may end its connection, so that clients of several servers spread; default 0. */
  goawayChance?: number;
  /** EncryptionConfiguration (YAML or JSON): how secrets and others lie in the store. Absent: as they are. */
  encryptionFile?: string;
  /** TracingConfiguration (YAML or JSON): where spans of requests go, as OTLP over HTTP. Absent: no traces. */
  tracingFile?: string;
  /** Default: embedded. */
  store?: { driver: 'embedded' | 'memory' } | { driver: 'etcd'; endpoints: string[] };
}

/** Throws when the file is missing or is no such configuration. */
export function readConfig(path: string): ControlPlaneConfig {
  const config = JSON.parse(readFileSync(path, 'utf8')) as ControlPlaneConfig;
  for (const key of ['clusterName', 'dataDir', 'listen', 'advertise', 'serviceCIDR'] as const)
    if (config[key] === undefined) throw new Error(`${path}: ${key} is missing`);
  const { goawayChance = 0 } = config;
  if (!(goawayChance >= 0 && goawayChance <= 0.02)) throw new Error(`${path}: goawayChance must be in the range [0, 0.02]`);
  return config;
}

/** The tenth address of the Services' range, as kubeadm gives it to DNS, unless the configuration names one. */
export const clusterDnsOf = (config: ControlPlaneConfig): string =>
  config.clusterDNS ?? config.serviceCIDR.split('/')[0]!.replace(/\d+$/, (last) => String(Number(last) + 10));

export function storeConfig(config: ControlPlaneConfig): StoreConfig {
  const store = config.store ?? { driver: 'embedded' };
  if (store.driver === 'embedded') return { driver: 'embedded', path: `${config.dataDir}/store.db` };
  return store.driver === 'etcd' ? store : { driver: 'memory' };
}
