// When a Job's time is over. Pure.
import type { Job } from '../../../api/gen/types/batch.v1.ts';

/** Undefined: it has not finished, has no time to live, or goes already. */
export function expiryMs({ metadata, spec, status }: Job): number | undefined {
  const ttl = spec?.ttlSecondsAfterFinished;
  const finished = status?.conditions?.find(({ type, status: value }) => ['Complete', 'Failed'].includes(type) && value === 'True');
  if (ttl === undefined || !finished || metadata.deletionTimestamp) return undefined;
  return (Date.parse(finished.lastTransitionTime ?? '') || 0) + ttl * 1000;
}
