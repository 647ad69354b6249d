import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { systemClock } from '../../kit/run/index.ts';
import { Ending } from './ending.ts';

const pod = (phase?: string, metadata: object = {}): Pod => ({
  metadata,
  spec: { containers: [], terminationGracePeriodSeconds: 5 },
  ...(phase ? { status: { phase } } : {}),
});

test.each<[string, Pod, boolean]>([
  ['new', pod(), false],
  ['running', pod('Running'), false],
  ['ended, as the API remembers after a restart of the agent', pod('Failed'), true],
  ['done', pod('Succeeded'), true],
  ['deleted', pod('Running', { deletionTimestamp: '2026-01-01T00:00:00Z' }), true],
])('a pod that is %s', (_name, p, expected) => expect(new Ending(systemClock, p).isStopping).toBe(expected));

test('the first verdict counts', () => {
  const ending = new Ending(systemClock, pod('Running'));
  expect(ending.judge({ reason: 'Evicted', message: 'm', disrupts: 'm' })).toBe(true);
  expect(ending.judge({ reason: 'NodePorts', message: 'm', refused: true })).toBe(false);
  expect([ending.verdict?.reason, ending.isStopping]).toEqual(['Evicted', true]);
});
