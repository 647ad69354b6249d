// Faults on demand: kill -9 of a process, power off of a node, a cut cable.
import { isAlive, type ProcessId, signalProcess } from '../kit/exec/index.ts';
import { cgroups, removeSlice } from '../kit/linux/index.ts';
import { waitFor } from '../kit/run/index.ts';
import { setCable } from './lan.ts';
import { layoutOf } from './layout.ts';
import type { ClusterRecord } from './record.ts';
import { existing, partsOf } from './status.ts';

function processOf(record: ClusterRecord, part: string): ProcessId | undefined {
  const found = partsOf(record).find(([name]) => name === part);
  if (!found)
    throw new Error(
      `cluster ${record.name} has no part ${part}, it has ${partsOf(record)
        .map(([name]) => name)
        .join(', ')}`,
    );
  return found[1];
}

/** kill -9 of the control plane or of a node's agent; containers run on. False when it was not running. */
export async function killPart(cluster: string, part: string): Promise<boolean> {
  const process = processOf(await existing(cluster), part);
  if (process === undefined || !signalProcess(process, 'SIGKILL')) return false;
  // A killed process lives on for moments; an `up` in them would take it for running.
  await waitFor({ what: `${part} to end`, timeoutMs: 30_000, everyMs: 1 }, () => !isAlive(process));
  return true;
}

function nodeIndex(record: ClusterRecord, node: string): number {
  const index = record.nodes.findIndex((n) => n.name === node);
  if (index < 0) throw new Error(`cluster ${record.name} has no node ${node}`);
  return index;
}

/** Everything of the node ends at once, containers too, as at a power cut; its disk stays. `up` starts it again. */
export async function powerOff(cluster: string, node: string): Promise<void> {
  const record = await existing(cluster);
  nodeIndex(record, node);
  const { cgroup } = layoutOf(cluster).node(node);
  await cgroups().remove(cgroup);
  await removeSlice(cgroup);
}

/** Cuts a node's cable, or mends it. */
export async function connect(cluster: string, node: string, connected: boolean): Promise<void> {
  const record = await existing(cluster);
  if (!record.lan) throw new Error(`cluster ${cluster} has no network`);
  await setCable(record.lan, nodeIndex(record, node), connected);
}
