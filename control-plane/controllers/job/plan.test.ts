import { describe, expect, test } from 'vitest';
import type { Job, JobSpec, JobStatus } from '../../../api/gen/types/batch.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { planJob } from './plan.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const job = (spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job => ({
  metadata: { name: 'j', uid: 'j' },
  spec: { parallelism: 1, completions: 1, backoffLimit: 6, template: { spec: { restartPolicy: 'Never', containers: [] } }, ...spec },
  status,
});
const pod = (uid: string, phase: string, extra: { index?: number; tracked?: boolean; finishedAt?: string } = {}): Pod => ({
  metadata: {
    name: uid,
    uid,
    ...(extra.tracked === false ? {} : { finalizers: ['batch.kubernetes.io/job-tracking'] }),
    ...(extra.index === undefined ? {} : { annotations: { 'batch.kubernetes.io/job-completion-index': String(extra.index) } }),
  },
  status: {
    phase,
    containerStatuses: extra.finishedAt
      ? [{ name: 'c', state: { terminated: { exitCode: 1, finishedAt: extra.finishedAt } } } as never]
      : [],
  },
});
const conditions = (status: JobStatus) => (status.conditions ?? []).map(({ type, status: value, reason }) => `${type}=${value} ${reason}`);

test.each([
  ['', []],
  ['0', [0]],
  ['0,1', [0, 1]],
  ['0-2,5', [0, 1, 2, 5]],
])('indexes %s', (text, indexes) => {
  expect(formatIndexes(new Set(indexes))).toBe(text);
  expect([...parseIndexes(text)]).toEqual(indexes);
});

describe('a job', () => {
  test('starts as many pods as may run at once', () => {
    const plan = planJob(job({ parallelism: 3, completions: 5 }), [pod('a', 'Running')], true, NOW);
    expect(plan.create.length).toBe(2);
    expect(plan.status.active).toBe(1);
    expect(plan.status.startTime).toBe('2026-01-01T01:00:00Z');
  });

  test('makes nothing while the cache has not caught up', () => {
    expect(planJob(job(), [], false, NOW).create).toEqual([]);
  });

  test('first writes down who ended, and counts when the finalizer is gone', () => {
    const ended = planJob(job(), [pod('a', 'Succeeded')], true, NOW);
    expect(ended.status).toMatchObject({ uncountedTerminatedPods: { succeeded: ['a'] } });
    expect(ended.status.succeeded).toBeUndefined();
    expect(ended.release.map(({ metadata }) => metadata.uid)).toEqual(['a']);
    expect(conditions(ended.status)).toEqual(['SuccessCriteriaMet=True CompletionsReached']);
    const counted = planJob(job({}, ended.status), [pod('a', 'Succeeded', { tracked: false })], true, NOW);
    expect(counted.status).toMatchObject({ succeeded: 1, uncountedTerminatedPods: {}, completionTime: '2026-01-01T01:00:00Z' });
    expect(conditions(counted.status)).toEqual(['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached']);
  });

  test('waits longer after each failure', () => {
    const failed = pod('a', 'Failed', { finishedAt: '2026-01-01T00:59:55Z' });
    const plan = planJob(job({}, { failed: 1, startTime: 't' }), [failed], true, NOW);
    expect(plan.create).toEqual([]);
    expect(plan.nextMs).toBe(15_000);
  });

  test('fails when there were too many failures, and takes what runs along', () => {
    const plan = planJob(job({ backoffLimit: 0, parallelism: 2, completions: 2 }), [pod('a', 'Failed'), pod('b', 'Running')], true, NOW);
    expect(conditions(plan.status)).toEqual(['FailureTarget=True BackoffLimitExceeded']);
    expect(plan.delete.map(({ metadata }) => metadata.uid)).toEqual(['b']);
  });

  test('past its deadline it ends', () => {
    const late = job({ activeDeadlineSeconds: 60 }, { startTime: '2026-01-01T00:58:00Z' });
    expect(conditions(planJob(late, [pod('a', 'Running')], true, NOW).status)).toEqual(['FailureTarget=True DeadlineExceeded']);
  });

  test('indexed, makes each index once and never one that is done', () => {
    const indexed = job({ completionMode: 'Indexed', completions: 4, parallelism: 4 }, { completedIndexes: '1' });
    const plan = planJob(indexed, [pod('a', 'Running', { index: 0 }), pod('b', 'Succeeded', { index: 3 })], true, NOW);
    expect(plan.create).toEqual([{ index: 2 }]);
    expect(plan.status.completedIndexes).toBe('1,3');
  });

  test('suspended, it has no pods and no start', () => {
    const plan = planJob(job({ suspend: true }, { startTime: 't' }), [pod('a', 'Running')], true, NOW);
    expect(plan.drop.length).toBe(1);
    expect(plan.status.startTime).toBeUndefined();
    expect(conditions(plan.status)).toEqual(['Suspended=True JobSuspended']);
  });
});
