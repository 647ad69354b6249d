import { expect, test } from 'vitest';
import type { ContainerStatus, PodStatus } from '../../api/gen/types/core.v1.ts';
import { holdMs } from './status-hold.ts';

const status = (network: string, more: PodStatus = {}): PodStatus => ({
  phase: 'Pending',
  startTime: '2026-01-01T00:00:00Z',
  conditions: [
    { type: 'PodReadyToStartContainers', status: network, lastTransitionTime: network },
    { type: 'Ready', status: 'False' },
  ],
  ...more,
});

const initStatus = (state: ContainerStatus['state']): PodStatus => ({
  initContainerStatuses: [{ name: 'init', image: '', imageID: '', ready: false, restartCount: 0, state }],
});

test.each<[string, PodStatus, PodStatus, number]>([
  ['the network alone', status('False'), status('True', { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] }), 1000],
  ['the first status of all', { phase: 'Pending' }, status('False'), 250],
  ['the first status, and all runs', { phase: 'Pending' }, status('True', { phase: 'Running' }), 0],
  ['the first status, and an init container runs', { phase: 'Pending' }, status('True', initStatus({ running: {} })), 0],
  ['the first status, and an init container waits', { phase: 'Pending' }, status('True', initStatus({ waiting: {} })), 250],
  ['nothing new', status('True'), status('True'), 0],
  ['a network that is lost', status('True'), status('False'), 0],
  ['a container that runs', status('False'), status('True', { containerStatuses: [] }), 0],
  ['another phase', status('False'), status('True', { phase: 'Running' }), 0],
  ['another condition', status('False'), { ...status('True'), conditions: status('True').conditions!.slice(0, 1) }, 0],
])('%s', (_, before, after, expected) => expect(holdMs(before, after, ['start-container web'])).toBe(expected));

test.each([
  [['start-container web'], ['web'], 2000],
  [['start-container web'], ['db'], 0],
  [['stop-container abc'], ['web'], 0],
])('a container that is replaced, %j', (busy, replaced, expected) =>
  expect(holdMs(status('True'), status('True', { phase: 'Running' }), busy, replaced)).toBe(expected),
);

test.each([
  [['create-sandbox'], 250],
  [['set-up-volumes'], 250],
  [['stop-container abc', 'start-container web'], 250],
  [['stop-container abc'], 0],
  [[], 0],
])('nothing is held unless something starts: %j', (busy, expected) => expect(holdMs({}, status('False'), busy)).toBe(expected));
