// Into a node: a command with this process's own terminal, and the way to its container runtime.
import { existsSync } from 'node:fs';
import { isAlive, type ProcessId, runInteractive } from '../kit/exec/index.ts';
import { insideHost, netnsOf } from './host.ts';
import { layoutOf } from './layout.ts';
import { clusterNames, readRecord } from './record.ts';
import { existing } from './status.ts';

/** Where a container runtime is served, and where the paths and ports that it tells are meant. */
export interface RuntimeAddress {
  socket: string;
  /** Absent: this process's own. */
  netns?: string;
  /** Goes before paths; absent: this process's own root. */
  root?: string;
}

/** Where a machine that is a node by itself serves its runtime: docs/how-to/cri.md. */
const OWN_SOCKET = '/run/wherry/cri.sock';

/**
 * The runtime of a cluster's node, by default of its only one; on a machine without clusters, which is a node itself, that of the machine.
 * @throws Error when there is no such node, when it is powered off, or when there are several to choose from
 */
export async function runtimeAddress(cluster: string, node: string | undefined): Promise<RuntimeAddress> {
  if (!(await readRecord(cluster))) {
    const others = await clusterNames();
    if (others.length === 0 && node === undefined && existsSync(OWN_SOCKET)) return { socket: OWN_SOCKET };
    const choices = [...others.map((name) => `--name ${name}`), '--socket PATH'];
    throw new Error(`there is no cluster ${cluster} here: choose ${choices.join(' or ')}`);
  }
  const { name, holder } = await runningNode(cluster, node);
  return { socket: `${layoutOf(cluster).node(name).run}/cri.sock`, netns: netnsOf(holder), root: `/proc/${holder.pid}/root` };
}

/** Exit code of the command. @throws Error when there is no such node or it is powered off */
export async function execInNode(cluster: string, node: string, command: readonly string[]): Promise<number> {
  const { holder } = await runningNode(cluster, node);
  return runInteractive(insideHost(holder, command));
}

async function runningNode(cluster: string, node: string | undefined): Promise<{ name: string; holder: ProcessId }> {
  const { nodes } = await existing(cluster);
  const names = nodes.map(({ name }) => name).join(', ');
  if (node === undefined && nodes.length > 1)
    throw new Error(`cluster ${cluster} has ${nodes.length} nodes: choose one with --node (${names})`);
  const found = node === undefined ? nodes[0] : nodes.find(({ name }) => name === node);
  if (!found) throw new Error(`cluster ${cluster} has no node ${node}, it has ${names}`);
  const { name, holder } = found;
  if (!holder || !isAlive(holder)) throw new Error(`node ${name} is not running: wherry up --name ${cluster}`);
  return { name, holder };
}
