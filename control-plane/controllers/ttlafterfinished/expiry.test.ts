import { expect, test } from 'vitest';
import type { Job } from '../../../api/gen/types/batch.v1.ts';
import { expiryMs } from './expiry.ts';

const job = (ttl: number | undefined, condition: object | undefined, deletionTimestamp?: string): Job =>
  ({
    metadata: { name: 'j', ...(deletionTimestamp ? { deletionTimestamp } : {}) },
    spec: { ttlSecondsAfterFinished: ttl },
    status: { conditions: condition ? [condition] : [] },
  }) as unknown as Job;
const complete = { type: 'Complete', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
const FINISHED_MS = Date.parse('2026-01-01T00:00:00Z');

test.each<[string, Job, number | undefined]>([
  ['counted from the end', job(10, complete), FINISHED_MS + 10_000],
  ['failed ones too', job(0, { ...complete, type: 'Failed' }), FINISHED_MS],
  ['still running', job(10, undefined), undefined],
  ['not finished yet', job(10, { ...complete, type: 'FailureTarget' }), undefined],
  ['no time to live', job(undefined, complete), undefined],
  ['goes already', job(10, complete, '2026-01-01T00:00:01Z'), undefined],
])('%s', (_, input, expected) => {
  expect(expiryMs(input)).toBe(expected);
});
