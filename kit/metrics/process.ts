// The process itself, by the names that every Prometheus client library uses.
import { readdirSync, readFileSync } from 'node:fs';
import { type Family, sampled } from './series.ts';

const one = (read: () => number | undefined) => () => {
  const value = read();
  return value === undefined ? [] : [[{}, value] as const];
};

/** A figure that the kernel does not tell is left out. */
function fromProc<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

export const processFamilies = (startedMs: number): Family[] => [
  sampled(
    'process_cpu_seconds_total',
    'Total user and system CPU time spent in seconds.',
    'counter',
    one(() => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
  ),
  sampled(
    'process_resident_memory_bytes',
    'Resident memory size in bytes.',
    'gauge',
    one(() => process.memoryUsage.rss()),
  ),
  sampled(
    'process_virtual_memory_bytes',
    'Virtual memory size in bytes.',
    'gauge',
    one(() => fromProc(() => Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * 4096)),
  ),
  sampled(
    'process_open_fds',
    'Number of open file descriptors.',
    'gauge',
    one(() => fromProc(() => readdirSync('/proc/self/fd').length)),
  ),
  sampled(
    'process_max_fds',
    'Maximum number of open file descriptors.',
    'gauge',
    one(() => fromProc(() => Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]))),
  ),
  sampled(
    'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds.',
    'gauge',
    one(() => startedMs / 1000),
  ),
];
