// Runs a command inside a node, with this process's own terminal.
import { isAlive, runInteractive } from '../kit/exec/index.ts';
import { insideHost } from './host.ts';
import { layoutOf } from './layout.ts';
import { existing } from './status.ts';

/** The CRI socket of a node. @throws Error when there is no such node */
export async function nodeSocket(cluster: string, node: string): Promise<string> {
  const { nodes } = await existing(cluster);
  if (!nodes.some((n) => n.name === node))
    throw new Error(`cluster ${cluster} has no node ${node}, it has ${nodes.map((n) => n.name).join(', ')}`);
  return `${layoutOf(cluster).node(node).run}/cri.sock`;
}

/** Exit code of the command. @throws Error when there is no such node or it is powered off */
export async function execInNode(cluster: string, node: string, command: readonly string[]): Promise<number> {
  const record = await existing(cluster);
  const found = record.nodes.find((n) => n.name === node);
  if (!found) throw new Error(`cluster ${cluster} has no node ${node}, it has ${record.nodes.map((n) => n.name).join(', ')}`);
  if (!found.holder || !isAlive(found.holder)) throw new Error(`node ${node} is not running: wherry up --name ${cluster}`);
  return runInteractive(insideHost(found.holder, command));
}
