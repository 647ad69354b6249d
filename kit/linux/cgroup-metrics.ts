// What the kernel counts for one control group beyond its usage, in one shape for v1 and v2. What a kernel does not count is absent.
import { numberAt as at, type CgroupFile, type CgroupLayout, numbers, oomKillsOf } from './cgroup-stats.ts';
import { cgroups } from './cgroups.ts';
import { pressuresOf } from './pressure.ts';

export interface CgroupMetrics {
  cpu: {
    userNanos: number;
    systemNanos: number;
    periods: number;
    throttledPeriods: number;
    throttledNanos: number;
  };
  memory: {
    cacheBytes: number;
    mappedFileBytes: number;
    kernelBytes: number;
    swapBytes: number;
    /** Absent on v2 before Linux 5.19. */
    maxUsageBytes?: number;
    /** Times that the limit was hit. */
    failures: number;
    pageFaults: number;
    majorPageFaults: number;
    oomKills: number;
  };
  /** By device, `major:minor`. Empty where block devices are not counted. */
  io: { device: string; readBytes: number; writeBytes: number; reads: number; writes: number }[];
  /** Threads; undefined: no limit. */
  pidsMax?: number;
  /** Seconds that some, or all, processes waited, from the kernel's pressure accounting (v2). */
  pressure: Partial<Record<'cpu' | 'memory' | 'io', { someSeconds: number; fullSeconds: number }>>;
}

export const cgroupMetrics = (path: string): CgroupMetrics =>
  metricsOf(cgroups().layout, (controller, file) => cgroups().read(path, controller, file));

/** Pure. */
export const metricsOf = (layout: CgroupLayout, file: CgroupFile): CgroupMetrics => (layout === 'v2' ? fromV2(file) : fromV1(file));

function fromV2(file: CgroupFile): CgroupMetrics {
  const read = (name: string) => file(name.split('.')[0] ?? '', name);
  const [cpu, memory, events] = [numbers(read('cpu.stat')), numbers(read('memory.stat')), numbers(read('memory.events'))];
  const peak = read('memory.peak');
  return {
    cpu: {
      userNanos: at(cpu, 'user_usec') * 1000,
      systemNanos: at(cpu, 'system_usec') * 1000,
      periods: at(cpu, 'nr_periods'),
      throttledPeriods: at(cpu, 'nr_throttled'),
      throttledNanos: at(cpu, 'throttled_usec') * 1000,
    },
    memory: {
      cacheBytes: at(memory, 'file'),
      mappedFileBytes: at(memory, 'file_mapped'),
      kernelBytes: at(memory, 'kernel'),
      swapBytes: number(read('memory.swap.current')) ?? 0,
      ...(peak === '' ? {} : { maxUsageBytes: Number(peak) }),
      failures: at(events, 'max'),
      pageFaults: at(memory, 'pgfault'),
      majorPageFaults: at(memory, 'pgmajfault'),
      oomKills: oomKillsOf('v2', file),
    },
    io: read('io.stat')
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => {
        const [device = '', ...pairs] = line.split(' ');
        const counts = new Map(pairs.map((pair) => pair.split('=') as [string, string]));
        const of = (name: string) => Number(counts.get(name) ?? 0);
        return { device, readBytes: of('rbytes'), writeBytes: of('wbytes'), reads: of('rios'), writes: of('wios') };
      }),
    ...limit(number(read('pids.max'))),
    pressure: Object.fromEntries(
      Object.entries(pressuresOf(file)).map(([what, { some, full }]) => [
        what,
        { someSeconds: some.total / 1e6, fullSeconds: full.total / 1e6 },
      ]),
    ),
  };
}

function fromV1(read: CgroupFile): CgroupMetrics {
  const cpu = numbers(read('cpu', 'cpu.stat'));
  const memory = numbers(read('memory', 'memory.stat'));
  const usage = (file: string) => number(read('memory', file)) ?? 0;
  return {
    cpu: {
      userNanos: number(read('cpuacct', 'cpuacct.usage_user')) ?? 0,
      systemNanos: number(read('cpuacct', 'cpuacct.usage_sys')) ?? 0,
      periods: at(cpu, 'nr_periods'),
      throttledPeriods: at(cpu, 'nr_throttled'),
      throttledNanos: at(cpu, 'throttled_time'),
    },
    memory: {
      cacheBytes: at(memory, 'total_cache'),
      mappedFileBytes: at(memory, 'total_mapped_file'),
      kernelBytes: usage('memory.kmem.usage_in_bytes'),
      swapBytes: at(memory, 'total_swap'),
      maxUsageBytes: usage('memory.max_usage_in_bytes'),
      failures: usage('memory.failcnt'),
      pageFaults: at(memory, 'total_pgfault'),
      majorPageFaults: at(memory, 'total_pgmajfault'),
      oomKills: oomKillsOf('v1', read),
    },
    io: devices(read('blkio', 'blkio.throttle.io_service_bytes_recursive'), read('blkio', 'blkio.throttle.io_serviced_recursive')),
    ...limit(number(read('pids', 'pids.max'))),
    pressure: {},
  };
}

/** `8:0 Read 4096`, a line an operation. */
function devices(bytes: string, operations: string): CgroupMetrics['io'] {
  const found = new Map<string, CgroupMetrics['io'][number]>();
  const add = (text: string, read: 'readBytes' | 'reads', write: 'writeBytes' | 'writes') => {
    for (const line of text.split('\n')) {
      const [device = '', operation, value] = line.split(' ');
      if (operation !== 'Read' && operation !== 'Write') continue;
      const entry = found.get(device) ?? { device, readBytes: 0, writeBytes: 0, reads: 0, writes: 0 };
      entry[operation === 'Read' ? read : write] = Number(value);
      found.set(device, entry);
    }
  };
  add(bytes, 'readBytes', 'writeBytes');
  add(operations, 'reads', 'writes');
  return [...found.values()];
}

const number = (text: string): number | undefined => (/^\d+\s*$/.test(text) ? Number(text) : undefined);
const limit = (pidsMax: number | undefined): { pidsMax?: number } => (pidsMax === undefined ? {} : { pidsMax });
