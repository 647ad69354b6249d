import { describe, expect, test } from 'vitest';
import type { CronJob, CronJobSpec, CronJobStatus, Job } from '../../../api/gen/types/batch.v1.ts';
import { jobOf, planCronJob } from './plan.ts';

const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`);
const cron = (spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): CronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'c', namespace: 'n', uid: 'u', creationTimestamp: '2026-01-01T10:00:30Z' },
  spec: { schedule: '*/10 * * * *', concurrencyPolicy: 'Allow', jobTemplate: {}, ...spec },
  status,
});
const job = (name: string, end?: 'Complete' | 'Failed', startTime = '2026-01-01T09:00:00Z'): Job => ({
  metadata: { name, uid: name },
  status: {
    startTime,
    ...(end === 'Complete' ? { completionTime: '2026-01-01T10:09:00Z' } : {}),
    ...(end ? { conditions: [{ type: end, status: 'True' }] } : {}),
  },
});
const active = (...names: string[]) => ({ active: names.map((name) => ({ name, uid: name })) });
const plan = (cronJob: CronJob, time: string, jobs: Job[] = [], gone: string[] = []) => {
  const { notes, startMs, nextMs, expired, replace, status } = planCronJob(cronJob, jobs, new Set(gone), at(time));
  return {
    reasons: notes.map(({ reason }) => reason),
    start: startMs === undefined ? undefined : new Date(startMs).toISOString().slice(11, 19),
    nextMs,
    expired: expired.map(({ metadata }) => metadata.name),
    replace: replace.map(({ name }) => name),
    status,
  };
};

describe('a start', () => {
  test.each<[string, Partial<CronJobSpec>, CronJobStatus, string, string | undefined, string[]]>([
    ['before the first time nothing is due', {}, {}, '10:09:59', undefined, []],
    ['at its time', {}, {}, '10:10:00', '10:10:00', []],
    ['already started', {}, { lastScheduleTime: '2026-01-01T10:10:00Z' }, '10:10:05', undefined, []],
    ['of several missed ones, the newest', {}, {}, '12:35:00', '12:30:00', []],
    ['many missed', {}, { lastScheduleTime: '2025-12-30T10:10:00Z' }, '12:35:00', '12:30:00', ['TooManyMissedTimes']],
    ['missed for longer than allowed', { startingDeadlineSeconds: 60 }, {}, '10:15:00', undefined, []],
    ['within what is allowed', { startingDeadlineSeconds: 400 }, {}, '10:15:00', '10:10:00', []],
    ['suspended', { suspend: true }, {}, '10:10:00', undefined, []],
    ['forbidden while one runs', { concurrencyPolicy: 'Forbid' }, active('c-1'), '10:10:00', undefined, ['JobAlreadyActive']],
    ['allowed while one runs', {}, active('c-1'), '10:10:00', '10:10:00', []],
    ['of an unknown zone', { timeZone: 'Mars/Base' }, {}, '10:10:00', undefined, ['UnknownTimeZone']],
    ['of what is no schedule', { schedule: '61 * * * *' }, {}, '10:10:00', undefined, ['UnparseableSchedule']],
  ])('%s', (_, spec, status, time, start, reasons) => {
    const found = plan(cron(spec, status), time);
    expect([found.start, found.reasons]).toEqual([start, reasons]);
  });

  test('that replaces takes the place of the running one', () => {
    expect(plan(cron({ concurrencyPolicy: 'Replace' }, active('c-1')), '10:10:00')).toMatchObject({ start: '10:10:00', replace: ['c-1'] });
  });

  test('is looked for again at the next time', () => {
    expect(plan(cron(), '10:05:00').nextMs).toBe(5 * 60_000 + 100);
  });

  test('has one name, and the template', () => {
    const cronJob = cron({ timeZone: 'Asia/Kolkata', jobTemplate: { metadata: { labels: { a: 'b' } }, spec: { template: {} } } });
    expect(jobOf(cronJob, at('10:10:00'))).toMatchObject({
      metadata: {
        name: 'c-29454370',
        labels: { a: 'b' },
        annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T15:40:00+05:30' },
        ownerReferences: [{ kind: 'CronJob', name: 'c', uid: 'u', controller: true, blockOwnerDeletion: true }],
      },
      spec: { template: {} },
    });
  });
});

describe('the list of active Jobs', () => {
  test('loses what has ended', () => {
    expect(plan(cron({ suspend: true }, active('a', 'b')), '10:05:00', [job('a', 'Complete'), job('b', 'Failed')])).toMatchObject({
      reasons: ['SawCompletedJob', 'SawCompletedJob'],
      status: { lastSuccessfulTime: '2026-01-01T10:09:00Z' },
    });
  });
  test('loses what is gone', () => {
    const found = plan(cron({ suspend: true }, active('a')), '10:05:00', [], ['a']);
    expect([found.reasons, found.status.active]).toEqual([['MissingJob'], undefined]);
  });
  test('a Job that is not on it is told', () => {
    expect(plan(cron({ suspend: true }), '10:05:00', [job('x')]).reasons).toEqual(['UnexpectedJob']);
  });
});

test('the oldest finished Jobs beyond the limits go', () => {
  const jobs = [
    job('late', 'Complete', '2026-01-01T09:30:00Z'),
    job('early', 'Complete', '2026-01-01T08:00:00Z'),
    job('failed', 'Failed'),
    job('running'),
  ];
  const limits = { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0, suspend: true };
  expect(plan(cron(limits, active('running')), '10:05:00', jobs).expired).toEqual(['early', 'failed']);
});
