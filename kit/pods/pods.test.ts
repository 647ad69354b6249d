import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { isFinished, isReady, lastingContainers, sidecarsOf } from './index.ts';

const podOf = (pod: object) => pod as Pod;

test.each([
  [{}, false],
  [{ status: {} }, false],
  [{ status: { phase: 'Pending' } }, false],
  [{ status: { phase: 'Running' } }, false],
  [{ status: { phase: 'Unknown' } }, false],
  [{ status: { phase: 'Succeeded' } }, true],
  [{ status: { phase: 'Failed' } }, true],
])('%j finished: %s', (pod, finished) => expect(isFinished(podOf(pod))).toBe(finished));

test.each([
  [undefined, false],
  [[], false],
  [[{ type: 'ContainersReady', status: 'True' }], false],
  [[{ type: 'Ready', status: 'False' }], false],
  [
    [
      { type: 'Initialized', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
    true,
  ],
])('conditions %j: ready %s', (conditions, ready) => expect(isReady(podOf({ status: { conditions } }))).toBe(ready));

test('sidecars are the init containers that restart always; they last as the containers do', () => {
  const pod = podOf({
    spec: {
      initContainers: [{ name: 'first' }, { name: 'proxy', restartPolicy: 'Always' }, { name: 'second', restartPolicy: 'Never' }],
      containers: [{ name: 'web' }, { name: 'log' }],
    },
  });
  const names = (containers: { name: string }[]) => containers.map(({ name }) => name);
  expect(names(sidecarsOf(pod))).toEqual(['proxy']);
  expect(names(lastingContainers(pod))).toEqual(['web', 'log', 'proxy']);
  expect([sidecarsOf(podOf({})), lastingContainers(podOf({}))]).toEqual([[], []]);
});
