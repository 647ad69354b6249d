// What the kernel counts for one control group beyond its usage, in one shape for v1 and v2. What a kernel does not count is absent.
import { readFileSync } from 'node:fs';
import { cgroups } from './cgroups.ts';

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
  /** Empty where block devices are not counted. */
  io: { readBytes: number; writeBytes: number; reads: number; writes: number }[];
  /** Threads; undefined: no limit. */
  pidsMax?: number;
  /** Seconds that some, or all, processes waited, from the kernel's pressure accounting (v2). */
  pressure: Partial<Record<'cpu' | 'memory' | 'io', { someSeconds: number; fullSeconds: number }>>;
}

export const cgroupMetrics = (path: string): CgroupMetrics => (cgroups().layout === 'v2' ? fromV2(path) : fromV1(path));

function fromV2(path: string): CgroupMetrics {
  const read = (file: string) => readText(`${cgroups().folder('memory', path)}/${file}`);
  const [cpu, memory, events] = [table(read('cpu.stat')), table(read('memory.stat')), table(read('memory.events'))];
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
      oomKills: at(events, 'oom_kill'),
    },
    io: read('io.stat')
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => {
        const device = new Map(line.split(' ').map((pair) => pair.split('=') as [string, string]));
        const of = (name: string) => Number(device.get(name) ?? 0);
        return { readBytes: of('rbytes'), writeBytes: of('wbytes'), reads: of('rios'), writes: of('wios') };
      }),
    ...limit(number(read('pids.max'))),
    pressure: Object.fromEntries(
      (['cpu', 'memory', 'io'] as const).flatMap((name) => {
        const text = read(`${name}.pressure`);
        return text === '' ? [] : [[name, { someSeconds: stalled(text, 'some'), fullSeconds: stalled(text, 'full') }]];
      }),
    ),
  };
}

function fromV1(path: string): CgroupMetrics {
  const read = (controller: string, file: string) => readText(`${cgroups().folder(controller, path)}/${file}`);
  const cpu = table(read('cpu', 'cpu.stat'));
  const memory = table(read('memory', 'memory.stat'));
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
      oomKills: at(table(read('memory', 'memory.oom_control')), 'oom_kill'),
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
      const entry = found.get(device) ?? { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 };
      entry[operation === 'Read' ? read : write] = Number(value);
      found.set(device, entry);
    }
  };
  add(bytes, 'readBytes', 'writeBytes');
  add(operations, 'reads', 'writes');
  return [...found.values()];
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`, microseconds. */
const stalled = (text: string, who: 'some' | 'full'): number =>
  Number(new RegExp(`^${who} .*total=(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1e6;

const table = (text: string): Map<string, number> =>
  new Map(text.split('\n').map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1] ?? 0)]));
const at = (values: Map<string, number>, name: string): number => values.get(name) ?? 0;
const number = (text: string): number | undefined => (/^\d+\s*$/.test(text) ? Number(text) : undefined);
const limit = (pidsMax: number | undefined): { pidsMax?: number } => (pidsMax === undefined ? {} : { pidsMax });

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
