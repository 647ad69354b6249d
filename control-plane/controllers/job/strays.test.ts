import { expect, test } from 'vitest';
import type { Job } from '../../../api/gen/types/batch.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { isStray } from './strays.ts';

const job = (uid: string, more: object = {}): Job =>
  ({ metadata: { name: 'j', uid }, spec: { selector: { matchLabels: { of: 'j' } }, template: {} }, ...more }) as Job;
const pod = (metadata: object): Pod => ({
  metadata: { name: 'p', labels: { of: 'j' }, finalizers: ['batch.kubernetes.io/job-tracking'], ...metadata },
});
const owned = (kind: string, uid: string) => ({ ownerReferences: [{ apiVersion: 'x/v1', kind, name: 'j', uid, controller: true }] });
const complete = { status: { conditions: [{ type: 'Complete', status: 'True' }] } };

test.each<[string, object, Job[], boolean]>([
  ['without the finalizer', { finalizers: ['other'] }, [], false],
  ['of a Job that is there', owned('Job', '1'), [job('1')], false],
  ['of a Job that is gone', owned('Job', '1'), [], true],
  ['of a Job of whose name there is another', owned('Job', '1'), [job('2')], true],
  ['of another controller', owned('ReplicaSet', '1'), [], false],
  ['of nobody, with a Job that will adopt it', {}, [job('1')], false],
  ['of nobody, with a Job that is complete', {}, [job('1', complete)], true],
  ['of nobody, with a Job of another selector', { labels: {} }, [job('1')], true],
  ['of nobody and going', { deletionTimestamp: '2026-01-01T00:00:00Z' }, [job('1')], true],
])('a pod %s', (_, metadata, jobs, stray) => {
  expect(isStray(pod(metadata), { named: () => jobs[0], all: () => jobs })).toBe(stray);
});
