import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../kit/run/index.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { requestInfo } from '../requestinfo.ts';
import { Termination } from '../termination.ts';
import { FlowMetrics } from './figures.ts';
import { Fairness } from './index.ts';
import { Level, type Seat } from './level.ts';

const SERIES = 'flow_schema="s",priority_level="work"';
const samplesOf = (metrics: FlowMetrics, levels: readonly Level[]) => {
  const lines = metrics.families(() => levels).flatMap((family) => family.text().split('\n'));
  return (name: string) =>
    lines
      .filter((line) => line.startsWith(`apiserver_flowcontrol_${name}{`))
      .map((line) => line.slice('apiserver_flowcontrol_'.length + name.length));
};

const config = {
  name: 'work',
  uid: '',
  exempt: false,
  nominal: 4,
  lendable: 1,
  borrowing: 0,
  queuing: { queues: 1, handSize: 1, lengthMax: 2 },
};

test('requests that run, wait, are refused: all of them are seen, and nothing stays behind', async () => {
  let ring: () => void = () => {};
  const clock: Clock = { nowMs: () => 0, sleep: () => new Promise((resolve) => (ring = resolve)) };
  const metrics = new FlowMetrics();
  const level = new Level(config, { spare: () => 0, freed: () => {} }, clock, metrics);
  const never = () => new AbortController().signal;
  const running = [1, 1, 1, 1].map((seats) => level.take('s', 'f', seats, never) as Seat);
  const granted = level.take('s', 'f', 2, never) as Promise<Seat>;
  const late = (level.take('s', 'f', 1, never) as Promise<Seat>).catch((error: Error) => error.message);
  expect(() => level.take('s', 'f', 1, never)).toThrow('queue-full');
  let samples = samplesOf(metrics, [level]);
  expect(samples('current_executing_requests')).toEqual([`{${SERIES}} 4`]);
  expect(samples('current_executing_seats')).toEqual([`{${SERIES}} 4`]);
  expect(samples('current_inqueue_requests')).toEqual([`{${SERIES}} 2`]);
  expect(samples('current_inqueue_seats')).toEqual([`{${SERIES}} 3`]);
  expect(samples('lower_limit_seats')).toEqual(['{priority_level="work"} 3']);
  expect(samples('upper_limit_seats')).toEqual(['{priority_level="work"} 4']);
  ring(); // for the last that came
  expect(await late).toBe('no seat: time-out');
  running[0]!.release(true);
  running[1]!.release();
  running[1]!.release();
  running[2]!.release();
  (await granted).release();
  running[3]!.release();
  samples = samplesOf(metrics, [level]);
  for (const name of ['current_executing_requests', 'current_executing_seats', 'current_inqueue_requests', 'current_inqueue_seats'])
    expect(samples(name)).toEqual([`{${SERIES}} 0`]);
  expect(samples('dispatched_requests_total')).toEqual([`{${SERIES}} 5`]);
  expect(samples('rejected_requests_total')).toEqual([`{${SERIES},reason="queue-full"} 1`, `{${SERIES},reason="time-out"} 1`]);
  expect(samples('request_wait_duration_seconds_count')).toEqual([`{${SERIES},execute="false"} 1`, `{${SERIES},execute="true"} 1`]);
  expect(samples('request_execution_seconds_count')).toEqual([`{${SERIES},type="regular"} 4`, `{${SERIES},type="watch"} 1`]);
  expect(samples('work_estimated_seats_sum')).toEqual([`{${SERIES}} 8`]);
  expect(samples('request_queue_length_after_enqueue_sum')).toEqual([`{${SERIES}} 3`]); // one, then two
  level.keepFigures(new Set(['another']));
  expect(level.figures.size).toBe(0);
});

const schemaOf = (name: string, level: string, group: string) => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: 100,
    rules: [
      {
        subjects: [{ kind: 'Group', group: { name: group } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
      },
    ],
  },
});

test('who waits is told, who is refused is a termination, who is exempt is counted too', async () => {
  const fairness = new Fairness({
    seats: 1,
    schemas: () => [schemaOf('s', 'work', 'users')],
    levels: () => [
      {
        metadata: { name: 'work' },
        spec: {
          type: 'Limited',
          limited: {
            nominalConcurrencyShares: 100,
            limitResponse: { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: 1 } },
          },
        },
      },
    ],
    version: () => 1,
    stored: () => 0,
    clock: systemClock,
  });
  const ask = (method: string, group: string, next: () => Promise<ApiResponse>) => {
    const query = new URLSearchParams();
    const path = '/api/v1/namespaces/a/pods/b';
    const request = { method, path, query, info: requestInfo(method, path, query), user: { name: 'u', groups: [group] } };
    const whole = { ...request, signal: new AbortController().signal } as unknown as ApiRequest;
    return { request: whole, answer: fairness.stage.handle(whole, next) };
  };
  let finish = () => {};
  const first = ask('GET', 'users', () => new Promise((resolve) => (finish = () => resolve({ status: 200 }))));
  const second = ask('PUT', 'users', async () => ({ status: 200 }));
  expect(fairness.waiting).toEqual({ mutating: 1, readOnly: 0 });
  await expect(ask('GET', 'users', async () => ({ status: 200 })).answer).rejects.toBeInstanceOf(Termination);
  await ask('GET', 'system:masters', async () => ({ status: 200 })).answer;
  finish();
  await Promise.all([first.answer, second.answer]);
  expect(fairness.waiting).toEqual({ mutating: 0, readOnly: 0 });
  expect(first.request.waitedSeconds).toBeUndefined();
  expect(second.request.waitedSeconds).toBeGreaterThan(0);
  const samples = samplesOf(fairness.metrics, [...fairness.levels]);
  expect(samples('dispatched_requests_total')).toEqual([`{${SERIES}} 2`, '{flow_schema="exempt",priority_level="exempt"} 1']);
  expect(samples('current_limit_seats').find((line) => line.includes('exempt'))).toBe('{priority_level="exempt"} 0');
});
