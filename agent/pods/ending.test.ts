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

test('the grace runs once for all that is left, and those that wait have a last chance', () => {
  let nowMs = 0;
  const ending = new Ending({ ...systemClock, nowMs: () => nowMs }, pod('Running'));
  expect([ending.graceUntilMs, ending.graceLeftMs]).toEqual([undefined, 5000]);
  ending.followRun(true);
  nowMs = 4000;
  ending.followRun(true);
  expect([ending.graceUntilMs, ending.graceLeftMs]).toEqual([5000, 2000]);
  nowMs = 9000;
  expect(ending.graceLeftMs).toBe(2000);
  ending.followRun(false); // it starts over
  expect([ending.graceUntilMs, ending.graceLeftMs]).toEqual([undefined, 5000]);
});

test('no grace is none, and a deletion may only shorten it', () => {
  const ending = new Ending(systemClock, pod('Running'));
  const deleted = (deletionGracePeriodSeconds: number) =>
    ending.follow(pod('Running', { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds }), false);
  expect([deleted(30), deleted(60), deleted(0), ending.graceLeftMs]).toEqual(['ends', 'as before', 'ends sooner', 0]);
});
