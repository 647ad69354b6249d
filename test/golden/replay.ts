// Replays recordings of a real Kubernetes (../shared/golden beside the checkout) against a cluster, a process a file, several at once.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RESOURCES } from '../../kit/client/index.ts';
import { tryRun } from '../../kit/exec/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { withoutAccepted } from './accepted.ts';

export const goldenFolder = join(import.meta.dirname, '../../../shared/golden');
export const hasGolden = (): boolean => existsSync(join(goldenFolder, 'golden.mjs'));
export const areas = ['api', 'kinds-core', 'kinds-other', 'kubectl', 'controllers', 'pods'] as const;
export type Area = (typeof areas)[number];

export interface Outcome {
  file: string;
  passed: number;
  failed: number;
  seconds: number;
  /** The replayer's report of what differs. */
  output: string;
}

const REPLAY_TIMEOUT_MS = 300_000;

/** The recorded cluster's ranges and node count: addresses in recordings depend on them. */
const recordedCluster = { nodes: 1, serviceCIDR: '10.43.0.0/16', podCIDR: '10.42.0.0/16' } as const;
/** The replayer puts a value that it saw into later steps only where it has four characters and more. */
const FIRST_REVISION = 1000;

/** A cluster like the recorded one: without a default storage class, at a revision of four digits. */
export async function startRecordedCluster(): Promise<Cluster> {
  const cluster = await startCluster(recordedCluster);
  await cluster.client.delete(RESOURCES.storageclasses, 'standard');
  const place = { namespace: 'default' };
  const written = (n: number) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'revisions' }, data: { n: String(n) } });
  let { metadata } = await cluster.client.create(RESOURCES.configmaps, written(0), place);
  for (let n = 1; Number(metadata.resourceVersion) < FIRST_REVISION; n++)
    ({ metadata } = await cluster.client.update(RESOURCES.configmaps, written(n), place));
  await cluster.client.delete(RESOURCES.configmaps, 'revisions', place);
  return cluster;
}

export const recordings = (area: Area): string[] =>
  readdirSync(join(goldenFolder, 'recordings', area))
    .filter((name) => name.endsWith('.json'))
    .sort();

/** Replays one file. A replayer that could not finish counts as one failure. */
export async function replay(kubeconfig: string, area: Area, file: string): Promise<Outcome> {
  const argv = [join(goldenFolder, 'golden.mjs'), 'replay', kubeconfig, join(goldenFolder, 'recordings', area, file)];
  const started = performance.now();
  const result = await tryRun(process.execPath, argv, { timeoutMs: REPLAY_TIMEOUT_MS, env: { GOLDEN_IMAGE: 'docker.io/wherry/tools:1' } });
  const counts = /(\d+) passed, (\d+) failed/.exec(result.stdout);
  const output = `${result.stdout}${result.stderr}`;
  const seconds = Math.round((performance.now() - started) / 1000);
  if (!counts) return { file, passed: 0, failed: 1, seconds, output };
  return { file, seconds, ...withoutAccepted({ passed: Number(counts[1]), failed: Number(counts[2]), output }) };
}

/** How many files at once: most of the time they wait for the cluster to move. */
export const workersOf = (area: Area): number => (area === 'controllers' || area === 'pods' ? 8 : 4);

/** Two groups that serve one kind at the same time confuse kubectl in both: this one is replayed after the others. */
const ALONE = new Set(['crd-verbs-through-kubectl.json']);

/** Replays many files, `workers` at once; results in the files' order. */
export async function replayAll(kubeconfig: string, area: Area, files: readonly string[], workers: number): Promise<Outcome[]> {
  const out = new Map<string, Outcome>();
  const queue = files.filter((file) => !ALONE.has(file));
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) out.set(file, await replay(kubeconfig, area, file));
  };
  await Promise.all(Array.from({ length: workers }, worker));
  for (const file of files) if (ALONE.has(file)) out.set(file, await replay(kubeconfig, area, file));
  return files.map((file) => out.get(file)!);
}
