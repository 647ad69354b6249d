// What a control group uses, from the text of its files, in one shape for v1 and v2. Pure.

import { type Pressures, pressuresOf } from './pressure.ts';

export type CgroupLayout = 'v1' | 'hybrid' | 'v2';

/** The text of a file of one group; the controller says in which hierarchy on v1. Empty where it is not there. */
export type CgroupFile = (controller: string, file: string) => string;

export interface CgroupStats {
  cpuUsageNanos: number;
  memoryUsageBytes: number;
  /** Usage less the inactive file cache, as kubelet counts. */
  memoryWorkingSetBytes: number;
  memoryRssBytes: number;
  pids: number;
  /** Where the kernel counts it. */
  pressure?: Pressures;
}

export function statsOf(layout: CgroupLayout, read: CgroupFile): CgroupStats {
  const v2 = layout === 'v2';
  const memory = numbers(read('memory', 'memory.stat'));
  const pressure = v2 ? pressuresOf(read) : {};
  const usage = Number(read('memory', v2 ? 'memory.current' : 'memory.usage_in_bytes'));
  return {
    cpuUsageNanos: v2 ? numberAt(numbers(read('cpu', 'cpu.stat')), 'usage_usec') * 1000 : Number(read('cpuacct', 'cpuacct.usage')),
    memoryUsageBytes: usage,
    memoryWorkingSetBytes: Math.max(0, usage - numberAt(memory, v2 ? 'inactive_file' : 'total_inactive_file')),
    memoryRssBytes: numberAt(memory, v2 ? 'anon' : 'total_rss'),
    pids: Number(read('pids', 'pids.current')),
    ...(Object.keys(pressure).length > 0 ? { pressure } : {}),
  };
}

/** Processes that the kernel has killed in it for want of memory. */
export const oomKillsOf = (layout: CgroupLayout, read: CgroupFile): number =>
  numberAt(numbers(read('memory', layout === 'v2' ? 'memory.events' : 'memory.oom_control')), 'oom_kill');

/** `name number` lines. */
export const numbers = (text: string): Map<string, number> =>
  new Map(
    text.split('\n').map((line) => {
      const [name = '', value = ''] = line.split(' ');
      return [name, Number(value)];
    }),
  );

export const numberAt = (values: Map<string, number>, name: string): number => values.get(name) ?? 0;
