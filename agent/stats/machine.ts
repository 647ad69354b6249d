// What the node as a whole has and uses: memory, a file system, processes.
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { cgroups, type Pressures } from '../../kit/linux/index.ts';
import type { NetworkStats } from '../cri/index.ts';

export interface MemoryUsage {
  capacityBytes: number;
  /** Capacity less working set, as upstream counts it: the inactive file cache can be had back. */
  availableBytes: number;
  usageBytes: number;
  workingSetBytes: number;
  rssBytes: number;
}

/** The machine's memory, or what the control group that the node lives in may have of it. */
export const memoryCapacity = (cgroup: string): number => Math.min(totalmem(), cgroups().memoryLimit(cgroup) ?? Number.POSITIVE_INFINITY);

export function memoryUsage(cgroup: string): MemoryUsage {
  const capacityBytes = memoryCapacity(cgroup);
  const used = capacityBytes < totalmem() ? usageOfGroup(cgroup) : usageOfMachine(readFileSync('/proc/meminfo', 'utf8'));
  return { capacityBytes, availableBytes: Math.max(0, capacityBytes - used.workingSetBytes), ...used };
}

type Used = Pick<MemoryUsage, 'usageBytes' | 'workingSetBytes' | 'rssBytes'>;

function usageOfGroup(cgroup: string): Used {
  const { memoryUsageBytes, memoryWorkingSetBytes, memoryRssBytes } = cgroups().stats(cgroup);
  return { usageBytes: memoryUsageBytes, workingSetBytes: memoryWorkingSetBytes, rssBytes: memoryRssBytes };
}

/** `meminfo`: text of /proc/meminfo. Pure. */
export function usageOfMachine(meminfo: string): Used {
  const of = (name: string) => Number(new RegExp(`^${name.replace(/[()]/g, '\\$&')}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const usageBytes = of('MemTotal') - of('MemFree');
  return { usageBytes, workingSetBytes: Math.max(0, usageBytes - of('Inactive(file)')), rssBytes: of('AnonPages') };
}

export interface SwapUsage {
  totalBytes: number;
  usedBytes: number;
}

export function swapUsage(): SwapUsage {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return { totalBytes: of('SwapTotal'), usedBytes: of('SwapTotal') - of('SwapFree') };
}

/** Of all that runs here. */
export const nodePressures = (): Pressures => cgroups().pressures('');

export interface PidUsage {
  max: number;
  current: number;
}

export function pidUsage(): PidUsage {
  const number = (path: string) => Number(readFileSync(path, 'utf8'));
  const current = Number(/\/(\d+) /.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1] ?? 0);
  return { max: Math.min(number('/proc/sys/kernel/pid_max'), number('/proc/sys/kernel/threads-max')), current };
}

/** The node's own network interfaces, the loopback left out. */
export const nodeLinks = (): NetworkStats[] => linksIn(readFileSync('/proc/net/dev', 'utf8'));

/** `table`: text of /proc/net/dev. Pure. */
export function linksIn(table: string): NetworkStats[] {
  return table.split('\n').flatMap((line) => {
    const [, name, figures = ''] = /^\s*(\S+):\s*(.+)$/.exec(line) ?? [];
    if (!name || name === 'lo' || name.startsWith('veth')) return [];
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0, , , , , txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] =
      figures.trim().split(/\s+/).map(Number);
    return [{ name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }];
  });
}

/** Of all processors together, since the machine started. */
export function busyNanos(): number {
  const busyMs = cpus().reduce((total, { times }) => total + times.user + times.nice + times.sys + times.irq, 0);
  return busyMs * 1_000_000;
}
