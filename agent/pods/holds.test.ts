import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { Holds } from './holds.ts';
import { StartProblem } from './start-problem.ts';

const pod = (image: string): Pod => ({
  metadata: {},
  spec: {
    containers: [
      { name: 'c', image },
      { name: 'd', image: 'same' },
    ],
  },
});
const crashed = (name: string): ContainerStatus =>
  ({ metadata: { name, attempt: 4 }, state: 'exited', startedAtMs: 0, finishedAtMs: 1000 }) as ContainerStatus;

test('another image is not held back by the crashes of the former, nor by its pulls', () => {
  const holds = new Holds();
  for (const name of ['c', 'd']) {
    expect(holds.heldUntilMs(name, crashed(name))).toBe(81_000);
    holds.failed(name, new StartProblem('ImagePullBackOff', 'm', 300_000), 0);
  }
  holds.imagesChanged(pod('old'), pod('new'));
  expect(holds.heldUntilMs('c', crashed('c'))).toBeUndefined();
  expect(holds.waiting('c', crashed('c'), 'p', 2000)).toBeUndefined();
  expect(holds.heldUntilMs('d', crashed('d'))).toBe(300_000);
  holds.restarted('c', crashed('c'), 2000);
  expect(holds.heldUntilMs('c', { ...crashed('c'), finishedAtMs: 3000 })).toBe(13_000);
});
