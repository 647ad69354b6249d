// Rates between two samples: usual, a container that is new, one that started again.
import { expect, test } from 'vitest';
import { type Sample, usageBetween } from './rates.ts';

const sample = (atMs: number, node: number, containers: Record<string, number>, startTime?: string): Sample => ({
  atMs,
  summary: {
    node: { cpu: { usageCoreNanoSeconds: node }, memory: { workingSetBytes: 4096 } },
    pods: [
      {
        podRef: { name: 'p', namespace: 'd', uid: 'u' },
        containers: Object.entries(containers).map(([name, usageCoreNanoSeconds]) => ({
          name,
          cpu: { usageCoreNanoSeconds },
          memory: { workingSetBytes: 2048 },
          ...(startTime ? { startTime } : {}),
        })),
      },
    ],
  },
});

test('rates', () => {
  const usage = usageBetween(sample(0, 1e9, { old: 5e8 }), sample(10_000, 3e9, { old: 1e9, fresh: 2e9 }, '1970-01-01T00:00:08Z'));
  expect(usage.windowMs).toBe(10_000);
  expect(usage.node).toEqual({ cpu: '200000000n', memory: '4Ki' });
  expect(usage.pods[0]?.containers).toEqual([
    { name: 'old', usage: { cpu: '50000000n', memory: '2Ki' } },
    { name: 'fresh', usage: { cpu: '1000000000n', memory: '2Ki' } },
  ]);
});

test('a counter that went back began again', () => {
  const usage = usageBetween(sample(0, 0, { c: 9e9 }), sample(2000, 0, { c: 1e9 }));
  expect(usage.pods[0]?.containers[0]?.usage.cpu).toBe('500000000n');
});
