import { describe, expect, test } from 'vitest';
import type { Job, JobSpec, JobStatus, PodFailurePolicyRule } from '../../../api/gen/types/batch.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { judge } from './failures.ts';
import { planJob } from './plan.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const failedPod = (exitCode: number, extra: { index?: number; failures?: number; condition?: string; tracked?: boolean } = {}): Pod => ({
  metadata: {
    name: 'p',
    namespace: 'n',
    uid: `p${extra.index ?? ''}`,
    ...(extra.tracked === false ? {} : { finalizers: ['batch.kubernetes.io/job-tracking'] }),
    annotations: {
      ...(extra.index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(extra.index) }),
      'batch.kubernetes.io/job-index-failure-count': String(extra.failures ?? 0),
    },
  },
  status: {
    phase: 'Failed',
    conditions: extra.condition ? [{ type: extra.condition, status: 'True' }] : [],
    containerStatuses: [{ name: 'c', state: { terminated: { exitCode, finishedAt: '2026-01-01T00:59:55Z' } } } as never],
  },
});
const job = (spec: Partial<JobSpec>, status: JobStatus = { startTime: 't' }): Job => ({
  metadata: { name: 'j', uid: 'j' },
  spec: { parallelism: 2, completions: 2, backoffLimit: 2_147_483_647, template: {}, ...spec },
  status,
});
const indexed = (spec: Partial<JobSpec>, status?: JobStatus) => job({ completionMode: 'Indexed', ...spec }, status);
const exit = (action: string, operator: string, values: number[], containerName?: string): PodFailurePolicyRule => ({
  action,
  onExitCodes: { operator, values, ...(containerName ? { containerName } : {}) },
});

test.each<[string, PodFailurePolicyRule[], Pod, string, string]>([
  ['no rule fits', [exit('FailJob', 'In', [3])], failedPod(1), 'Count', ''],
  ['the first that fits', [exit('Ignore', 'NotIn', [1]), exit('FailJob', 'In', [1])], failedPod(1), 'FailJob', 'rule at index 1'],
  ['of another container', [exit('FailJob', 'In', [1], 'other')], failedPod(1), 'Count', ''],
  [
    'a condition',
    [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
    failedPod(1, { condition: 'DisruptionTarget' }),
    'FailJob',
    'Pod n/p has condition DisruptionTarget matching FailJob rule at index 0',
  ],
  [
    'an exit code',
    [exit('FailJob', 'In', [42])],
    failedPod(42),
    'FailJob',
    'Container c for pod n/p failed with exit code 42 matching FailJob rule at index 0',
  ],
])('a policy: %s', (_, rules, pod, action, message) => {
  const verdict = judge({ rules }, pod);
  expect(verdict.action).toBe(action);
  expect(verdict.message).toContain(message);
});

describe('a job', () => {
  test('fails at once by its policy', () => {
    const plan = planJob(job({ podFailurePolicy: { rules: [exit('FailJob', 'In', [42])] } }), [failedPod(42)], true, NOW);
    expect(plan.status.conditions).toMatchObject([{ type: 'FailureTarget', reason: 'PodFailurePolicy' }]);
  });

  test('does not count what its policy ignores, and goes on at once', () => {
    const policy = { rules: [exit('Ignore', 'In', [42])] };
    const plan = planJob(job({ backoffLimit: 0, podFailurePolicy: policy }), [failedPod(42)], true, NOW);
    expect(plan.status.uncountedTerminatedPods).toEqual({});
    expect(plan.release.length).toBe(1);
    expect(plan.create.length).toBe(2);
  });

  test('an index that may not fail again is given up, the others go on', () => {
    const plan = planJob(indexed({ backoffLimitPerIndex: 0 }), [failedPod(1, { index: 0 })], true, NOW);
    expect(plan.status).toMatchObject({ failedIndexes: '0' });
    expect(plan.create.map(({ index }) => index)).toEqual([1]);
    expect(plan.release.length).toBe(1);
  });

  test('an index that may is tried again after its own back-off, told how often it failed', () => {
    const pod = failedPod(1, { index: 0 });
    const waiting = planJob(indexed({ backoffLimitPerIndex: 2, completions: 1 }), [pod], true, NOW);
    expect([waiting.create, waiting.nextMs, waiting.release.length]).toEqual([[], 5000, 0]);
    expect(waiting.status.uncountedTerminatedPods).toEqual({ failed: ['p0'] });
    const later = planJob(indexed({ backoffLimitPerIndex: 2, completions: 1 }), [pod], true, NOW + 5000);
    expect(later.create).toEqual([{ index: 0, marks: { 'batch.kubernetes.io/job-index-failure-count': '1' } }]);
  });

  test('ends when all indexes are done or given up', () => {
    const status = { startTime: 't', completedIndexes: '1', failedIndexes: '0', failed: 1 };
    const plan = planJob(indexed({ backoffLimitPerIndex: 0 }, status), [], true, NOW);
    expect(plan.status.conditions).toMatchObject([
      { type: 'FailureTarget', reason: 'FailedIndexes' },
      { type: 'Failed', reason: 'FailedIndexes', message: 'Job has failed indexes' },
    ]);
  });

  test('ends when too many indexes are given up', () => {
    const spec = { backoffLimitPerIndex: 0, maxFailedIndexes: 1, completions: 5 };
    const plan = planJob(indexed(spec, { startTime: 't', failedIndexes: '0,3' }), [], true, NOW);
    expect(plan.status.conditions?.[0]).toMatchObject({ reason: 'MaxFailedIndexesExceeded' });
  });

  test('an index fails by its policy however often it may be tried', () => {
    const policy = { rules: [exit('FailIndex', 'In', [5])] };
    const plan = planJob(indexed({ backoffLimitPerIndex: 3, podFailurePolicy: policy }), [failedPod(5, { index: 0 })], true, NOW);
    expect(plan.status.failedIndexes).toBe('0');
  });
});
