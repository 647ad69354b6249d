import { expect, test } from 'vitest';
import { isGivenUp } from './given-up.ts';

test.each([
  ['Unknown', ['node.kubernetes.io/out-of-service'], true, true],
  ['False', ['node.kubernetes.io/unreachable', 'node.kubernetes.io/out-of-service'], true, true],
  ['True', ['node.kubernetes.io/out-of-service'], true, false],
  ['Unknown', ['node.kubernetes.io/unreachable'], true, false],
  ['Unknown', ['node.kubernetes.io/out-of-service'], false, false],
])('node ready: %s, taints %j, pod deleted: %s', (ready, taints, isDeleted, expected) => {
  const node = {
    metadata: { name: 'n' },
    spec: { taints: taints.map((key) => ({ key, effect: 'NoExecute' })) },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
  const pod = { metadata: { name: 'p', ...(isDeleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) } };
  expect(isGivenUp(pod, node)).toBe(expected);
});
