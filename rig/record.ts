// What is remembered of a cluster between commands: one JSON file, replaced whole.
import { readdir } from 'node:fs/promises';
import type { ProcessId } from '../kit/exec/index.ts';
import { readFileIfExists, writeFileAtomic } from '../kit/fs/index.ts';
import { clustersDir, layoutOf } from './layout.ts';

export interface ClusterOptions {
  nodes: number;
  serviceCIDR: string;
  podCIDR: string;
  /** `runc`, `crun`, the path of an OCI runtime, `unix:///…` of a CRI socket, `docker:///…` of Docker's. */
  runtime: string;
  /** Of nodes that have another one than the rest, by the node's name. */
  nodeRuntimes?: Readonly<Record<string, string>>;
  /** Further OCI runtimes, by the handler that a RuntimeClass names. */
  runtimeHandlers?: Readonly<Record<string, { path: string; args?: readonly string[] }>>;
  /** Who makes pods' control groups; absent: the agents themselves. */
  cgroupDriver?: 'cgroupfs' | 'systemd';
  /** Registries asked first, and those without TLS; of agents that are started from now on. */
  mirrors?: Record<string, string[]>;
  insecureRegistries?: string[];
  /** Folder of certificates for registries, `HOST[:PORT]/ca.crt`. */
  registryCertsDir?: string;
  /** Files of the user's own, read when the control plane starts: docs/how-to/operate.md. */
  auditPolicy?: string;
  encryptionConfig?: string;
  tracingConfig?: string;
  authenticationConfig?: string;
  tokenFile?: string;
}

export interface NodeRecord {
  name: string;
  ip: string;
  /** Holds the node's namespaces; the node is powered off when it is gone. */
  holder?: ProcessId;
  agent?: ProcessId;
}

export interface ClusterRecord {
  name: string;
  options: ClusterOptions;
  /** Port on 127.0.0.1 of the machine, where kubectl connects. */
  apiPort: number;
  lan?: ProcessId;
  controlPlane?: ProcessId;
  nodes: NodeRecord[];
  /** True once the cluster was ready for the first time. */
  ready: boolean;
}

export async function readRecord(name: string): Promise<ClusterRecord | undefined> {
  const text = await readFileIfExists(layoutOf(name).record);
  return text === undefined ? undefined : (JSON.parse(text) as ClusterRecord);
}

export const writeRecord = (record: ClusterRecord): Promise<void> =>
  writeFileAtomic(layoutOf(record.name).record, `${JSON.stringify(record, null, 2)}\n`);

/** Names of the clusters that this machine has, running or not, sorted. */
export async function clusterNames(): Promise<string[]> {
  try {
    const entries = await readdir(clustersDir(), { withFileTypes: true });
    return entries
      .filter((e) => e.isDirectory())
      .map((e) => e.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
