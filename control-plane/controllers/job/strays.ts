// Which pods that carry the finalizer no Job counts. Pure.
import type { Job } from '../../../api/gen/types/batch.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { controllerOf, selectorFrom } from '../../../api/meta/index.ts';
import { conditionIs } from './plan.ts';
import { TRACKING } from './pod.ts';

/** It counts no more pods. */
export const isOver = (job: Job): boolean => Boolean(conditionIs(job, 'Complete', 'Failed') || job.metadata.deletionTimestamp);

export interface NearJobs {
  /** In the pod's namespace. */
  named(name: string): Job | undefined;
  all(): readonly Job[];
}

/** Held by our finalizer, and neither owned by a Job that is there nor to be adopted by one. */
export function isStray(pod: Pod, jobs: NearJobs): boolean {
  const { deletionTimestamp, finalizers, labels } = pod.metadata;
  if (!finalizers?.includes(TRACKING)) return false;
  const owner = controllerOf(pod);
  if (owner) return owner.kind === 'Job' && jobs.named(owner.name)?.metadata.uid !== owner.uid;
  return deletionTimestamp !== undefined || !jobs.all().some((job) => !isOver(job) && selectorFrom(job.spec?.selector).matches(labels));
}
