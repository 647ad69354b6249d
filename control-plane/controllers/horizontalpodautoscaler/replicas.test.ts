import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { type Question, wantedReplicas } from './replicas.ts';
import type { PodMetrics } from './usage.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
interface Sketch {
  /** Thousandths; undefined: not measured. */
  used?: number;
  requested?: number;
  phase?: string;
  ready?: 'True' | 'False';
  startedAgoS?: number;
  readyAgoS?: number;
  going?: boolean;
}
const iso = (agoS: number) => new Date(NOW - agoS * 1000).toISOString();
const podOf = (sketch: Sketch, at: number): Pod => ({
  metadata: { name: `p${at}`, namespace: 'n', ...(sketch.going ? { deletionTimestamp: 't' } : {}) },
  spec: { containers: [{ name: 'c', resources: sketch.requested === 0 ? {} : { requests: { cpu: `${sketch.requested ?? 1000}m` } } }] },
  status: {
    phase: sketch.phase ?? 'Running',
    startTime: iso(sketch.startedAgoS ?? 3600),
    conditions: [{ type: 'Ready', status: sketch.ready ?? 'True', lastTransitionTime: iso(sketch.readyAgoS ?? 3000) }],
  },
});
const metricsOf = (pods: readonly Sketch[]): PodMetrics[] =>
  pods.flatMap(({ used }, at) =>
    used === undefined
      ? []
      : [
          {
            metadata: { name: `p${at}`, namespace: 'n' },
            timestamp: iso(5),
            window: '30s',
            containers: [{ name: 'c', usage: { cpu: `${used}m` } }],
          },
        ],
  );
const ask = (pods: readonly Sketch[], question: Partial<Question> = {}) =>
  wantedReplicas(
    {
      resource: 'cpu',
      target: { utilization: 50 },
      currentReplicas: pods.length,
      tolerance: { up: 0.1, down: 0.1 },
      ...question,
    },
    pods.map(podOf),
    metricsOf(pods),
    NOW,
  );
const busy = (used: number, count: number, extra: Sketch = {}): Sketch[] => Array.from({ length: count }, () => ({ used, ...extra }));

describe('of the utilization', () => {
  test.each<[string, Sketch[], number, Partial<Question>]>([
    ['twice the target doubles', busy(1000, 3), 6, {}],
    ['half of it halves', busy(250, 4), 2, {}],
    ['within the tolerance nothing changes', busy(540, 3), 3, {}],
    ['a smaller tolerance is heeded', busy(540, 3), 4, { tolerance: { up: 0.05, down: 0.05 } }],
    ['a missing pod counts as busy on the way down', [...busy(250, 3), {}], 4, {}],
    ['a missing pod counts as idle on the way up', [...busy(1000, 2), {}], 4, {}],
    ['a pod that starts counts as idle on the way up', [...busy(1000, 2), { used: 1000, phase: 'Pending' }], 4, {}],
    ['a pod that starts is left out on the way down', [...busy(100, 2), { used: 1000, phase: 'Pending' }], 1, {}],
    ['a pod that goes is left out', [...busy(1000, 2), { used: 5000, going: true }], 4, {}],
    [
      'a pod that is not ready yet is not judged by its start',
      [...busy(500, 2), { used: 5000, ready: 'False', startedAgoS: 60, readyAgoS: 60 }],
      3,
      {},
    ],
    ['missing pods never turn the direction', [...busy(550, 1), {}, {}], 3, {}],
  ])('%s', (_, pods, replicas, question) => {
    expect(ask(pods, question).replicas).toBe(replicas);
  });

  test('it is told in percent and per pod', () => {
    expect(ask([...busy(200, 1), ...busy(400, 1)])).toMatchObject({ utilization: 30, averageMilli: 300 });
  });
});

test('of an average value', () => {
  expect(ask(busy(300, 2), { target: { averageMilli: 100 } })).toEqual({ replicas: 6, averageMilli: 300 });
});

test.each<[string, Sketch[], Partial<Question>, string]>([
  ['no request', busy(100, 1, { requested: 0 }), {}, 'missing request for cpu in container c of Pod p0'],
  ['no metrics', [{}], {}, 'unable to get metrics for resource cpu: no metrics returned from resource metrics API'],
  ['nobody to judge', busy(100, 1, { phase: 'Pending' }), {}, 'did not receive metrics for targeted pods (pods might be unready)'],
  ['no such container', busy(100, 1), { container: 'x' }, 'container x not present in metrics for pod n/p0'],
])('nothing can be computed: %s', (_, pods, question, message) => {
  expect(() => ask(pods, question)).toThrow(message);
});
