// What runs of a cluster and what it uses, from /proc.
import { readFileSync } from 'node:fs';
import { isAlive, type ProcessId } from '../kit/exec/index.ts';
import { type ClusterRecord, readRecord } from './record.ts';

export interface PartStatus {
  part: string;
  pid: number | undefined;
  state: 'running' | 'stopped';
  /** Proportional set size, e.g. `48.1 MB`. */
  memory: string;
  /** Processor time since its start, e.g. `1.3 s`. */
  cpu: string;
}

const TICKS_PER_SECOND = 100; // USER_HZ, the same on all Linux ABIs

/** Bytes of memory that are the process's own share (proc(5), smaps_rollup); 0 when it is gone. */
export function pssBytes(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** User and system seconds of the process so far. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

function describe(part: string, process: ProcessId | undefined): PartStatus {
  if (!process || !isAlive(process)) return { part, pid: undefined, state: 'stopped', memory: '-', cpu: '-' };
  return {
    part,
    pid: process.pid,
    state: 'running',
    memory: `${(pssBytes(process.pid) / 1e6).toFixed(1)} MB`,
    cpu: `${cpuSeconds(process.pid).toFixed(1)} s`,
  };
}

export function partsOf(record: ClusterRecord): [string, ProcessId | undefined][] {
  return [
    ['control-plane', record.controlPlane],
    ['lan', record.lan],
    ...record.nodes.flatMap((node): [string, ProcessId | undefined][] => [
      [node.name, node.agent],
      [`${node.name} (host)`, node.holder],
    ]),
  ];
}

export async function existing(name: string): Promise<ClusterRecord> {
  const record = await readRecord(name);
  if (!record) throw new Error(`there is no cluster ${name}: wherry up --name ${name}`);
  return record;
}

/** One row a process. @throws Error when there is no such cluster */
export async function status(name: string): Promise<PartStatus[]> {
  return partsOf(await existing(name)).map(([part, process]) => describe(part, process));
}

export async function summary(name: string): Promise<{ name: string; status: string; nodes: number; nodesUp: number; server: string }> {
  const record = await readRecord(name);
  if (!record) return { name, status: 'broken', nodes: 0, nodesUp: 0, server: '-' };
  const alive = (process: ProcessId | undefined) => process !== undefined && isAlive(process);
  const nodesUp = record.nodes.filter((n) => alive(n.agent) && alive(n.holder)).length;
  const all = alive(record.controlPlane) && nodesUp === record.nodes.length;
  const none = !alive(record.controlPlane) && nodesUp === 0;
  return {
    name,
    status: all ? 'running' : none ? 'stopped' : 'degraded',
    nodes: record.nodes.length,
    nodesUp,
    server: `https://127.0.0.1:${record.apiPort}`,
  };
}
