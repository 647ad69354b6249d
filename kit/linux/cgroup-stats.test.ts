// Usage and metrics from what kernels write. v2: recorded on Linux 6.1 from a group that was throttled and once out of memory, pressure on
// 6.18. v1: the same numbers in the words of v1.
import { describe, expect, test } from 'vitest';
import { metricsOf } from './cgroup-metrics.ts';
import { oomKillsOf, statsOf } from './cgroup-stats.ts';

const reader =
  (files: Record<string, string>) =>
  (_controller: string, file: string): string =>
    files[file] ?? '';

const v2 = {
  'cpu.stat':
    'usage_usec 2810000\nuser_usec 2739750\nsystem_usec 70250\nnr_periods 107\nnr_throttled 4\nthrottled_usec 90000\nnr_bursts 0\nburst_usec 0\n',
  'memory.current': '8966144\n',
  'memory.events': 'low 0\nhigh 0\nmax 35\noom 1\noom_kill 3\noom_group_kill 1\n',
  'memory.stat':
    'anon 180224\nfile 8478720\nkernel 385024\nkernel_stack 32768\npagetables 65536\nfile_mapped 0\ninactive_anon 172032\nactive_anon 8192\ninactive_file 8474624\nactive_file 4096\npgfault 8882\npgmajfault 1\n',
  'memory.peak': '31457280\n',
  'memory.swap.current': '0\n',
  'pids.current': '2\n',
  'pids.max': '9\n',
  'io.stat': '98:0 rbytes=0 wbytes=8388608 rios=0 wios=71 dbytes=0 dios=0\n',
};
const pressure = {
  'memory.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=549652\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=51378\n',
  'cpu.pressure': 'some avg10=98.62 avg60=98.26 avg300=97.98 total=22651197319\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
};
const v1 = {
  'cpuacct.usage': '2810000000\n',
  'cpuacct.usage_user': '2739750000\n',
  'cpuacct.usage_sys': '70250000\n',
  'cpu.stat': 'nr_periods 107\nnr_throttled 4\nthrottled_time 90000000\n',
  'memory.usage_in_bytes': '8966144\n',
  'memory.max_usage_in_bytes': '31457280\n',
  'memory.kmem.usage_in_bytes': '385024\n',
  'memory.failcnt': '35\n',
  'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
  'memory.stat':
    'cache 1\nrss 2\ntotal_cache 8478720\ntotal_rss 180224\ntotal_inactive_file 8474624\ntotal_pgfault 8882\ntotal_pgmajfault 1\n',
  'pids.current': '2\n',
  'pids.max': 'max\n',
  'blkio.throttle.io_service_bytes_recursive': '253:0 Read 0\n253:0 Write 8388608\n253:0 Total 8388608\nTotal 8388608\n',
  'blkio.throttle.io_serviced_recursive': '253:0 Read 0\n253:0 Write 71\nTotal 71\n',
};

const used = {
  cpuUsageNanos: 2_810_000_000,
  memoryUsageBytes: 8_966_144,
  memoryWorkingSetBytes: 491_520,
  memoryRssBytes: 180_224,
  pids: 2,
};
const cpu = { userNanos: 2_739_750_000, systemNanos: 70_250_000, periods: 107, throttledPeriods: 4, throttledNanos: 90_000_000 };
const memory = {
  cacheBytes: 8_478_720,
  mappedFileBytes: 0,
  kernelBytes: 385_024,
  swapBytes: 0,
  maxUsageBytes: 31_457_280,
  failures: 35,
  pageFaults: 8882,
  majorPageFaults: 1,
  oomKills: 3,
};
const io = [{ readBytes: 0, writeBytes: 8_388_608, reads: 0, writes: 71 }];

describe.each([
  ['v2', v2],
  ['hybrid', v1],
  ['v1', v1],
] as const)('%s', (layout, files) => {
  test('usage', () => expect(statsOf(layout, reader(files))).toEqual(used));
  test('metrics', () => expect(metricsOf(layout, reader(files))).toMatchObject({ cpu, memory, io, pressure: {} }));
  test('kills for want of memory', () => expect(oomKillsOf(layout, reader(files))).toBe(3));
  test('a group that has gone uses nothing', () => {
    expect(statsOf(layout, reader({}))).toEqual({
      cpuUsageNanos: 0,
      memoryUsageBytes: 0,
      memoryWorkingSetBytes: 0,
      memoryRssBytes: 0,
      pids: 0,
    });
    expect(metricsOf(layout, reader({}))).toMatchObject({ io: [], pressure: {} });
  });
});

test('a limit of processes is a number or none', () => {
  expect(metricsOf('v2', reader(v2)).pidsMax).toBe(9);
  expect(metricsOf('v1', reader(v1))).not.toHaveProperty('pidsMax');
});

test('pressure where the kernel counts it', () =>
  expect(metricsOf('v2', reader({ ...v2, ...pressure })).pressure).toEqual({
    memory: { someSeconds: 0.549652, fullSeconds: 0.051378 },
    cpu: { someSeconds: 22_651.197319, fullSeconds: 0 },
  }));

test('pressure beside the usage, with its averages', () => {
  const { pressure: found } = statsOf('v2', reader({ ...v2, ...pressure }));
  const none = { total: 0, avg10: 0, avg60: 0, avg300: 0 };
  expect(found).toEqual({
    memory: { some: { ...none, total: 549_652 }, full: { ...none, total: 51_378 } },
    cpu: { some: { total: 22_651_197_319, avg10: 98.62, avg60: 98.26, avg300: 97.98 }, full: none },
  });
  expect(statsOf('hybrid', reader({ ...v1, ...pressure }))).not.toHaveProperty('pressure');
});

test('a kernel before 5.19 keeps no highest use', () =>
  expect(metricsOf('v2', reader({ ...v2, 'memory.peak': '' })).memory).not.toHaveProperty('maxUsageBytes'));
