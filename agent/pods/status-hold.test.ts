import { expect, test } from 'vitest';
import type { PodStatus } from '../../api/gen/types/core.v1.ts';
import { isStarting, tellsNetworkOnly } from './status-hold.ts';

const status = (network: string, more: PodStatus = {}): PodStatus => ({
  phase: 'Pending',
  conditions: [
    { type: 'PodReadyToStartContainers', status: network, lastTransitionTime: network },
    { type: 'Ready', status: 'False' },
  ],
  ...more,
});

test.each<[string, PodStatus, PodStatus, boolean]>([
  ['the network alone', status('False'), status('True', { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] }), true],
  ['the first status of all', {}, status('False'), false],
  ['nothing new', status('True'), status('True'), false],
  ['a network that is lost', status('True'), status('False'), false],
  ['a container that runs', status('False'), status('True', { containerStatuses: [] }), false],
  ['another phase', status('False'), status('True', { phase: 'Running' }), false],
  ['another condition', status('False'), { ...status('True'), conditions: status('True').conditions!.slice(0, 1) }, false],
])('%s', (_, before, after, expected) => expect(tellsNetworkOnly(before, after)).toBe(expected));

test.each([
  [['create-sandbox'], false],
  [['set-up-volumes'], true],
  [['stop-container abc', 'start-container web'], true],
  [[], false],
])('%j is a start: %s', (busy, expected) => expect(isStarting(busy)).toBe(expected));
