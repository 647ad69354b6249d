// Starts a cluster, or what of it is not running. The list of steps is the documentation; each is safe to repeat.
import { existsSync } from 'node:fs';
import { identify, isAlive, startDaemon } from '../kit/exec/index.ts';
import { lockFile, readFileIfExists, writeFileAtomic } from '../kit/fs/index.ts';
import { homeFirst } from '../kit/linux/index.ts';
import { systemClock } from '../kit/run/index.ts';
import { ClusterAccess } from './access.ts';
import { nodeAddress, nodeName } from './addresses.ts';
import { checkPort, withFreePort } from './api-port.ts';
import { agentConfig, controlPlaneConfig } from './configs.ts';
import { ensureCredentials } from './credentials.ts';
import { examineHost } from './doctor.ts';
import { insideHost, startHost, systemGroup } from './host.ts';
import { bundledImages, loadImages } from './images.ts';
import { ensureBridge, ensureCable } from './lan.ts';
import { layoutOf } from './layout.ts';
import { checkName, resolveOptions, type UpOptions, usesCrun } from './options.ts';
import { program } from './programs.ts';
import { type Progress, silentProgress } from './progress.ts';
import { type ClusterRecord, type NodeRecord, readRecord, writeRecord } from './record.ts';

const READY_TIMEOUT_MS = 120_000;
const LOCK_TIMEOUT_MS = 120_000;

/**
 * Starts the cluster `name`, or whatever of it is not running, and returns when its nodes are ready and pods can be made.
 * @throws Error in plain words: what this host lacks, which option is wrong, which part did not start and the end of its log
 */
export async function up(options: UpOptions & { progress?: Progress } = {}): Promise<ClusterAccess> {
  const name = options.name ?? 'wherry';
  checkName(name);
  checkHost();
  await homeFirst();
  const progress = options.progress ?? silentProgress;
  await using _lock = await lockFile(layoutOf(name).lock, LOCK_TIMEOUT_MS);
  const images = await missingImages(options.image ?? []); // before anything is made
  const record = await claim(name, options);
  try {
    await progress.step('credentials', () => ensureCredentials(record));
    await progress.step(`network and ${record.nodes.length} host(s)`, () => startHosts(record));
    await progress.step('control plane', () => startControlPlane(record));
    const started = await progress.step('agents', () => startAgents(record));
    await progress.step('images', () => loadImages(record, images));
    const access = await ClusterAccess.open(record);
    await progress
      .step('ready', () => access.untilReady(options.timeoutMs ?? READY_TIMEOUT_MS, started))
      .catch(async (error: unknown) => {
        await access.close();
        throw error;
      });
    record.ready = true;
    await writeRecord(record);
    return access;
  } catch (error) {
    await writeRecord(record); // what was started is known, so that `down` and the next `up` find it
    throw error;
  }
}

function checkHost(): void {
  const lacking = examineHost().filter((f) => f.required && !f.ok);
  if (lacking.length > 0) throw new Error(lacking.map((f) => f.hint).join('; '));
}

/** Reads or makes the record; on disk before anything is started. */
async function claim(name: string, asked: UpOptions): Promise<ClusterRecord> {
  const existing = await readRecord(name);
  const options = resolveOptions(asked, existing);
  if (existing && asked.port !== undefined && asked.port !== existing.apiPort)
    throw new Error(
      `cluster ${name} answers on port ${existing.apiPort}, it cannot move to ${asked.port}: wherry down --name ${name} first`,
    );
  const nodes: NodeRecord[] = Array.from(
    { length: options.nodes },
    (_, i) => existing?.nodes[i] ?? { name: nodeName(i), ip: nodeAddress(i) },
  );
  const written = async (apiPort: number): Promise<ClusterRecord> => {
    const record: ClusterRecord = {
      name,
      options,
      apiPort,
      nodes,
      ready: false,
      ...(existing?.lan ? { lan: existing.lan } : {}),
      ...(existing?.controlPlane ? { controlPlane: existing.controlPlane } : {}),
    };
    await writeRecord(record);
    return record;
  };
  const port = existing?.apiPort ?? asked.port;
  if (port === undefined) return await withFreePort(written);
  if (!existing?.controlPlane || !isAlive(existing.controlPlane)) await checkPort(port);
  return await written(port);
}

async function missingImages(more: readonly string[]): Promise<string[]> {
  for (const path of more) if (!existsSync(path)) throw new Error(`--image ${path}: no such file`);
  return [...(await bundledImages()), ...more];
}

async function startHosts(record: ClusterRecord): Promise<void> {
  const layout = layoutOf(record.name);
  if (!record.lan || !isAlive(record.lan)) {
    record.lan = await startHost({
      hostname: record.name,
      cgroupProcs: systemGroup(`${layout.cgroup}/lan`),
      logFile: `${layout.logs}/lan.log`,
      hideUnifiedCgroup: false,
    });
  }
  const lan = record.lan;
  await ensureBridge(lan);
  await Promise.all(
    record.nodes.map(async (node, index) => {
      if (!node.holder || !isAlive(node.holder)) {
        const cgroupProcs = systemGroup(layout.node(node.name).cgroup);
        node.holder = await startHost({
          hostname: node.name,
          cgroupProcs,
          logFile: `${layout.logs}/${node.name}-host.log`,
          varLog: layout.node(node.name).logs,
          hideUnifiedCgroup: usesCrun(record.options, node.name),
        });
      }
      await ensureCable(lan, node.holder, index);
    }),
  );
  await writeRecord(record);
}

async function startControlPlane(record: ClusterRecord): Promise<void> {
  if (record.controlPlane && isAlive(record.controlPlane)) return;
  const layout = layoutOf(record.name);
  await writeFileAtomic(layout.controlPlaneConfig, JSON.stringify(controlPlaneConfig(record), null, 2));
  const pid = startDaemon({
    ...(await program('control-plane', layout.controlPlaneConfig)),
    cgroupProcs: systemGroup(`${layout.cgroup}/control-plane`),
    logFile: `${layout.logs}/control-plane.log`,
  });
  record.controlPlane = identified(pid, 'control plane');
  await writeRecord(record);
}

/** When each agent that did not run was started, in milliseconds since the epoch. */
async function startAgents(record: ClusterRecord): Promise<Map<string, number>> {
  const layout = layoutOf(record.name);
  const started = new Map<string, number>();
  await Promise.all(
    record.nodes.map(async (node) => {
      if (node.agent && isAlive(node.agent)) return;
      if (!node.holder) throw new Error(`${node.name} has no host`);
      const files = layout.node(node.name);
      started.set(node.name, systemClock.nowMs());
      const settings = JSON.parse((await readFileIfExists(files.settings)) ?? '{}');
      await writeFileAtomic(files.config, JSON.stringify({ ...agentConfig(record, node), ...settings }, null, 2));
      const { argv, env } = await program('agent', files.config);
      const pid = startDaemon({
        argv: insideHost(node.holder, argv),
        env,
        cgroupProcs: systemGroup(files.cgroup),
        logFile: `${layout.logs}/${node.name}.log`,
      });
      node.agent = identified(pid, node.name);
    }),
  );
  await writeRecord(record);
  return started;
}

function identified(pid: number, what: string) {
  const process = identify(pid);
  if (!process) throw new Error(`${what} ended at once`);
  return process;
}
