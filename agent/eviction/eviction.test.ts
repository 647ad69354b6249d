import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { PodUsage } from '../stats/index.ts';
import { pressureRefusal } from './manager.ts';
import { evictionMessage, limitMessage, ranked } from './rank.ts';
import { evictionSettings } from './settings.ts';
import { judge, keptFree, nothingYet, parseThresholds } from './thresholds.ts';

const MI = 1024 * 1024;
const settings = { hard: {}, soft: {}, softGraceMs: {}, minimumReclaim: {} };

test.each([
  [{ hard: { 'memory.free': '1Mi' } }, 'unknown signal "memory.free"'],
  [{ hard: { 'memory.available': '1 MB' } }, '"1 MB" is neither a quantity nor a percentage'],
  [{ hard: { 'nodefs.available': '120%' } }, '120% is more than everything'],
  [{ soft: { 'memory.available': '1Mi' } }, 'soft threshold memory.available has no grace period'],
])('%j is refused', (given, message) => expect(() => parseThresholds({ ...settings, ...given })).toThrow(message));

test('a hard threshold acts at once, a soft one after its grace, zero never; memory before the disk', () => {
  const thresholds = parseThresholds({
    ...settings,
    hard: { 'nodefs.available': '10%', 'memory.available': '100Mi', 'pid.available': '0%' },
    soft: { 'memory.available': '200Mi' },
    softGraceMs: { 'memory.available': 5000 },
  });
  expect(thresholds.map(({ signal }) => signal)).toEqual(['nodefs.available', 'memory.available', 'memory.available']);
  const at = (memory: number, disk: number) => ({
    'memory.available': { available: memory * MI, capacity: 1000 * MI },
    'nodefs.available': { available: disk, capacity: 100 },
  });
  expect(judge(thresholds, at(500, 50), nothingYet, 0, 0).act).toBeUndefined();
  expect(judge(thresholds, at(50, 5), nothingYet, 0, 0).act).toMatchObject({
    threshold: { signal: 'memory.available' },
    quantity: 100 * MI,
  });
  expect(judge(thresholds, at(500, 5), nothingYet, 0, 0)).toMatchObject({ act: { quantity: 10 }, pressures: new Set(['DiskPressure']) });
  const soft = judge(thresholds, at(150, 50), nothingYet, 0, 0);
  expect([soft.act, soft.pressures]).toEqual([undefined, new Set(['MemoryPressure'])]);
  expect(judge(thresholds, at(150, 50), soft.memory, 5000, 0).act?.threshold.isHard).toBe(false);
});

test('a pressure stays for its time; what was met must be left by the minimum to reclaim', () => {
  const thresholds = parseThresholds({ ...settings, hard: { 'memory.available': '100' }, minimumReclaim: { 'memory.available': '50' } });
  const at = (available: number) => ({ 'memory.available': { available, capacity: 1000 } });
  const met = judge(thresholds, at(90), nothingYet, 0, 60_000);
  const between = judge(thresholds, at(120), met.memory, 1000, 60_000);
  expect(between.act).toBeDefined();
  const left = judge(thresholds, at(150), between.memory, 2000, 60_000);
  expect([left.act, left.pressures]).toEqual([undefined, new Set(['MemoryPressure'])]);
  expect(judge(thresholds, at(120), left.memory, 61_001, 60_000).pressures).toEqual(new Set());
});

test('a soft threshold that was left within its grace has nothing to reclaim', () => {
  const name = 'memory.available';
  const thresholds = parseThresholds({
    ...settings,
    soft: { [name]: '100' },
    softGraceMs: { [name]: 5000 },
    minimumReclaim: { [name]: '50' },
  });
  const at = (available: number) => ({ [name]: { available, capacity: 1000 } });
  const met = judge(thresholds, at(90), nothingYet, 0, 0);
  expect(judge(thresholds, at(120), met.memory, 6000, 0)).toMatchObject({ act: undefined, pressures: new Set() });
  const due = judge(thresholds, at(90), met.memory, 6000, 0);
  expect(judge(thresholds, at(120), due.memory, 7000, 0).act).toBeDefined();
});

const usage = (name: string, usedMi: number, requestMi = 0, more: Partial<Pod['spec']> = {}, annotations = {}): PodUsage =>
  ({
    pod: {
      metadata: { name, uid: name, annotations },
      spec: { containers: [{ name: 'c', resources: { requests: { memory: `${requestMi}Mi` } } }], ...more },
      status: { phase: 'Running' },
    },
    sandbox: { memoryWorkingSetBytes: usedMi * MI, pids: 1 },
    containers: [
      {
        stats: { name: 'c', memoryWorkingSetBytes: usedMi * MI, rootfsUsedBytes: 3 * MI, rootfsInodesUsed: 1 },
        record: {},
        logs: { bytes: 0, inodes: 0 },
      },
    ],
    volumes: [],
  }) as unknown as PodUsage;

test('who exceeds its request goes first, then the least important, then the greediest; critical and static pods never', () => {
  const order = ranked(
    [
      usage('within', 900, 1000),
      usage('important', 500, 0, { priority: 10 }),
      usage('small', 100),
      usage('big', 300),
      usage('critical', 999, 0, { priority: 2_000_000_000 }),
      usage('static', 999, 0, {}, { 'kubernetes.io/config.source': 'file' }),
    ],
    'memory.available',
  );
  expect(order.map(({ pod }) => pod.metadata.name)).toEqual(['big', 'small', 'important', 'within']);
});

test("upstream's sentences", () => {
  expect(evictionMessage(usage('p', 50), 'memory.available', 100 * MI, 82 * MI)).toBe(
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 82Mi. Container c was using 50Mi, request is 0Mi, has larger consumption of memory. ',
  );
  const limited = usage('p', 1);
  limited.pod.spec!.containers[0]!.resources = { limits: { 'ephemeral-storage': '1Mi' } };
  expect(limitMessage(limited)).toBe('Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ');
  limited.volumes = [
    {
      volume: { name: 'v', emptyDir: { sizeLimit: '1Mi' } },
      inMemory: false,
      used: { bytes: 2 * MI, inodes: 1 },
    } as PodUsage['volumes'][0],
  ];
  expect(limitMessage(limited)).toBe('Usage of EmptyDir volume "v" exceeds the limit "1Mi". ');
});

test('a node under pressure lets in critical pods, and those that asked for memory when that is all it lacks', () => {
  const pod = (qosClass: string, priority = 0) => ({ metadata: {}, spec: { containers: [], priority }, status: { qosClass } }) as Pod;
  const memory = new Set(['MemoryPressure'] as const);
  expect(pressureRefusal(pod('BestEffort'), memory)).toEqual({ reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' });
  expect(pressureRefusal(pod('Burstable'), memory)).toBeUndefined();
  expect(pressureRefusal(pod('Burstable'), new Set(['DiskPressure'] as const))?.reason).toBe('Evicted');
  expect(pressureRefusal(pod('BestEffort', 2_000_000_000), memory)).toBeUndefined();
});

test('what hard thresholds keep free is not for pods; soft ones and other signals keep nothing', () => {
  const capacity = { memory: 1000 * MI, 'ephemeral-storage': 2000 };
  expect(keptFree(evictionSettings(undefined), capacity)).toEqual({ memory: 104_857_600n, 'ephemeral-storage': 200n });
  const own = evictionSettings({
    hard: { 'memory.available': '10%', 'nodefs.available': '0%' },
    soft: { 'memory.available': '50%' },
    softGraceMs: { 'memory.available': 1 },
  });
  expect(keptFree(own, capacity)).toEqual({ memory: 104_857_600n });
});
