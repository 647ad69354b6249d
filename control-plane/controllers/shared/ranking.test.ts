import { expect, test } from 'vitest';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { compareForDeletion, type RankedPod } from './ranking.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
interface Sketch {
  node?: string;
  phase?: string;
  readySince?: string;
  cost?: string;
  restarts?: number;
  created?: string;
  neighbours?: number;
}
const ranked = ({
  node,
  phase = 'Running',
  readySince,
  cost,
  restarts = 0,
  created = '2026-01-01T00:00:00Z',
  neighbours = 0,
}: Sketch): RankedPod => ({
  neighbours,
  pod: {
    metadata: {
      uid: 'u',
      creationTimestamp: created,
      ...(cost ? { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } } : {}),
    },
    spec: { containers: [], ...(node ? { nodeName: node } : {}) },
    status: {
      phase,
      conditions: readySince ? [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }] : [],
      containerStatuses: [{ restartCount: restarts } as never],
    },
  } satisfies Pod,
});
const old = '2026-01-01T00:00:00Z';

test.each<[string, Sketch, Sketch]>([
  ['without a node', {}, { node: 'n' }],
  ['pending', { node: 'n', phase: 'Pending' }, { node: 'n' }],
  ['not ready', { node: 'n' }, { node: 'n', readySince: old }],
  ['cheaper', { node: 'n', readySince: old, cost: '-5' }, { node: 'n', readySince: old }],
  ['with more neighbours', { node: 'n', readySince: old, neighbours: 2 }, { node: 'n', readySince: old, neighbours: 1 }],
  ['ready for a shorter time', { node: 'n', readySince: '2026-01-01T23:59:00Z' }, { node: 'n', readySince: old }],
  ['more often restarted', { node: 'n', readySince: old, restarts: 3 }, { node: 'n', readySince: old }],
  ['newer', { node: 'n', created: '2026-01-01T23:59:00Z' }, { node: 'n', created: old }],
])('the one goes first that is %s', (_, first, second) => {
  expect(compareForDeletion(ranked(first), ranked(second), NOW)).toBeLessThan(0);
  expect(compareForDeletion(ranked(second), ranked(first), NOW)).toBeGreaterThan(0);
});
