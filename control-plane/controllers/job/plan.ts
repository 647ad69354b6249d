// What a Job needs next: pods that ended are counted exactly once, the rest follows from the counts. Pure.
import type { Job, JobCondition, JobStatus, SuccessPolicyRule } from '../../../api/gen/types/batch.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { isReady } from '../../../kit/pods/index.ts';
import { backoffMs, rfc3339 } from '../../../kit/run/index.ts';
import { withoutCondition } from '../shared/conditions.ts';
import { isActive, isTerminating } from '../shared/pods.ts';
import { failJobMessage, failsIndex, failureAnnotations, failuresWith, hasLimitPerIndex, judge, newestFailed } from './failures.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { indexOf, isIndexed, TRACKING } from './pod.ts';

/** A failed pod is replaced after 10 s, then twice as long each time, up to 10 minutes. */
const RETRY_BASE_MS = 10_000;
const RETRY_MAX_MS = 600_000;

export interface PlannedPod {
  index?: number;
  /** Annotations of its own. */
  marks?: Readonly<Record<string, string>>;
}

export interface JobPlan {
  status: JobStatus;
  create: PlannedPod[];
  delete: Pod[];
  /** Too many, not failed: their finalizer goes first, and they are deleted without being counted. */
  drop: Pod[];
  /** Counted in `status` as uncounted: their finalizer may go once the status is written. */
  release: Pod[];
  /** When time alone changes something. */
  nextMs: number | undefined;
  events: { type: 'Normal' | 'Warning'; reason: string; message: string }[];
}

const hasEnded = (pod: Pod, job: Job): 'succeeded' | 'failed' | undefined => {
  if (pod.status?.phase === 'Succeeded') return 'succeeded';
  if (pod.status?.phase === 'Failed') return 'failed';
  return pod.metadata.deletionTimestamp && job.spec?.podReplacementPolicy !== 'Failed' ? 'failed' : undefined;
};

export const conditionIs = (job: Job, ...types: string[]): JobCondition | undefined =>
  job.status?.conditions?.find(({ type, status }) => types.includes(type) && status === 'True');

const conditionAt = (type: string, status: string, reason: string, message: string, nowMs: number): JobCondition => ({
  type,
  status,
  lastProbeTime: rfc3339(nowMs),
  lastTransitionTime: rfc3339(nowMs),
  reason,
  message,
});

interface Counts {
  succeeded: number;
  failed: number;
  completed: Set<number>;
  /** With a limit per index: those that may not be tried again. */
  failedIndexes: Set<number>;
  uncounted: { succeeded?: string[]; failed?: string[] };
  release: Pod[];
}

/** Moves what was uncounted and has lost its finalizer into the counts; finds what ended since. */
function count(job: Job, pods: readonly Pod[]): Counts {
  const tracked = new Map(
    pods.filter(({ metadata }) => metadata.finalizers?.includes(TRACKING)).map((pod) => [pod.metadata.uid ?? '', pod]),
  );
  const before = job.status?.uncountedTerminatedPods ?? {};
  const settled = (uids: readonly string[] = []) => uids.filter((uid) => !tracked.has(uid)).length;
  const counts: Counts = {
    succeeded: (job.status?.succeeded ?? 0) + settled(before.succeeded),
    failed: (job.status?.failed ?? 0) + settled(before.failed),
    completed: parseIndexes(job.status?.completedIndexes),
    failedIndexes: parseIndexes(job.status?.failedIndexes),
    uncounted: {},
    release: [],
  };
  // What is deleted because the Job ends says nothing of its index.
  const isEnding = conditionIs(job, 'FailureTarget', 'SuccessCriteriaMet') !== undefined;
  for (const [uid, pod] of tracked) {
    const known = before.succeeded?.includes(uid) ? 'succeeded' : before.failed?.includes(uid) ? 'failed' : undefined;
    const end = known ?? hasEnded(pod, job);
    if (!end) continue;
    const index = indexOf(pod);
    if (end === 'failed' && !isEnding && hasLimitPerIndex(job) && index !== undefined && failsIndex(job, pod))
      counts.failedIndexes.add(index);
    if (!isHeld(job, pod, pods, counts)) counts.release.push(pod);
    // Of an index that the Job has no more: let go, not counted.
    if (isIndexed(job) && !known && (index === undefined || index >= (job.spec?.completions ?? 0))) continue;
    if (end === 'failed' && !known && judge(job.spec?.podFailurePolicy, pod).action === 'Ignore') continue;
    // Indexed: an index is done once, however many pods say so.
    if (end === 'succeeded' && isIndexed(job) && index !== undefined) counts.completed.add(index);
    counts.uncounted[end] = [...(counts.uncounted[end] ?? []), uid];
  }
  if (isIndexed(job)) counts.succeeded = [...counts.completed].filter((index) => index < (job.spec?.completions ?? 0)).length;
  return counts;
}

/** The newest failed pod of an index stays until its successor knows how often the index has failed. */
function isHeld(job: Job, pod: Pod, pods: readonly Pod[], { failedIndexes }: Counts): boolean {
  if (!hasLimitPerIndex(job) || hasEnded(pod, job) !== 'failed' || conditionIs(job, 'FailureTarget', 'SuccessCriteriaMet')) return false;
  const index = indexOf(pod);
  if (index === undefined || index >= (job.spec?.completions ?? 0) || failedIndexes.has(index)) return false;
  const ofIndex = pods.filter((other) => indexOf(other) === index);
  const newest = newestFailed(ofIndex.filter((other) => hasEnded(other, job) === 'failed')).get(index);
  return newest === pod && !ofIndex.some((other) => isActive(other));
}

interface Progress {
  succeeded: number;
  failed: number;
  active: number;
  completed: ReadonlySet<number>;
  failedIndexes: ReadonlySet<number>;
}

/** Why the Job ends; undefined: it goes on. */
function ending(
  job: Job,
  pods: readonly Pod[],
  { succeeded, failed, active, completed, failedIndexes }: Progress,
  nowMs: number,
): { good: boolean; reason: string; message: string } | undefined {
  const told = conditionIs(job, 'FailureTarget', 'SuccessCriteriaMet');
  if (told) return { good: told.type === 'SuccessCriteriaMet', reason: told.reason ?? '', message: told.message ?? '' };
  const policy = failJobMessage(
    job,
    pods.filter((pod) => pod.metadata.finalizers?.includes(TRACKING) && hasEnded(pod, job) === 'failed'),
  );
  if (policy !== undefined) return { good: false, reason: 'PodFailurePolicy', message: policy };
  const { backoffLimit = 6, completions, activeDeadlineSeconds, maxFailedIndexes } = job.spec ?? {};
  const restarts = job.spec?.template.spec?.restartPolicy === 'OnFailure' ? restartsOf(pods) : 0;
  if (failed > backoffLimit || (restarts > 0 && restarts >= backoffLimit))
    return { good: false, reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  if (
    job.status?.startTime &&
    !job.spec?.suspend &&
    activeDeadlineSeconds !== undefined &&
    Date.parse(job.status.startTime) + Number(activeDeadlineSeconds) * 1000 <= nowMs
  ) {
    return { good: false, reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  }
  if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes';
    return { good: false, reason: 'MaxFailedIndexesExceeded', message };
  }
  if (failedIndexes.size > 0 && failedIndexes.size + succeeded >= (completions ?? 0))
    return { good: false, reason: 'FailedIndexes', message: 'Job has failed indexes' };
  const rule = (job.spec?.successPolicy?.rules ?? []).findIndex((one) => ruleIsMet(one, completed));
  if (rule >= 0) return { good: true, reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
  const complete = completions === undefined ? succeeded > 0 && active === 0 : succeeded >= completions && active === 0;
  return complete ? { good: true, reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

/** All of the rule's indexes, or a number of them (of all, when it names none). */
function ruleIsMet({ succeededIndexes, succeededCount }: SuccessPolicyRule, completed: ReadonlySet<number>): boolean {
  const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
  const done = [...completed].filter((index) => !wanted || wanted.has(index)).length;
  return done >= (succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY);
}

const restartsOf = (pods: readonly Pod[]): number =>
  pods
    .filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending')
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);

export function planJob(job: Job, pods: readonly Pod[], settled: boolean, nowMs: number): JobPlan {
  const counts = count(job, pods);
  const active = pods.filter((pod) => isActive(pod) && !counts.release.includes(pod));
  const succeededNow = counts.succeeded + (isIndexed(job) ? 0 : (counts.uncounted.succeeded?.length ?? 0));
  const failedNow = counts.failed + (counts.uncounted.failed?.length ?? 0);
  const { completed, failedIndexes } = counts;
  const end = ending(job, pods, { succeeded: succeededNow, failed: failedNow, active: active.length, completed, failedIndexes }, nowMs);
  const plan: JobPlan = { status: {}, create: [], delete: [], drop: [], release: counts.release, nextMs: undefined, events: [] };
  let conditions = job.status?.conditions ?? [];
  let startTime = job.status?.startTime;
  const suspended = job.spec?.suspend === true;
  const told = conditionIs(job, 'Suspended') !== undefined;
  if (end) {
    // What still runs when enough have succeeded is superfluous, not failed.
    (end.good ? plan.drop : plan.delete).push(...active);
    if (!suspended) startTime ??= rfc3339(nowMs);
  } else if (suspended) {
    plan.drop.push(...active);
    startTime = undefined;
    if (!told) {
      conditions = replaced(conditions, conditionAt('Suspended', 'True', 'JobSuspended', 'Job suspended', nowMs));
      plan.events.push({ type: 'Normal', reason: 'Suspended', message: 'Job suspended' });
    }
  } else {
    startTime ??= rfc3339(nowMs);
    if (told) {
      conditions = replaced(conditions, conditionAt('Suspended', 'False', 'JobResumed', 'Job resumed', nowMs));
      plan.events.push({ type: 'Normal', reason: 'Resumed', message: 'Job resumed' });
    }
    if (settled) resize(job, pods, active, counts, succeededNow, plan, nowMs);
    const { activeDeadlineSeconds } = job.spec ?? {};
    if (activeDeadlineSeconds !== undefined)
      plan.nextMs = Math.min(
        plan.nextMs ?? Number.POSITIVE_INFINITY,
        Math.max(0, Date.parse(startTime) + Number(activeDeadlineSeconds) * 1000 - nowMs),
      );
  }
  const terminating = pods.filter(isTerminating).length;
  const isCounted = counts.release.length === 0 && Object.keys(counts.uncounted).length === 0;
  const isEmpty = active.length === 0 && isCounted && (terminating === 0 || end?.good === true);
  let completionTime: string | undefined;
  if (end) {
    const target = end.good ? 'SuccessCriteriaMet' : 'FailureTarget';
    if (!conditionIs(job, target)) conditions = [...conditions, conditionAt(target, 'True', end.reason, end.message, nowMs)];
    if (isEmpty) {
      conditions = [...conditions, conditionAt(end.good ? 'Complete' : 'Failed', 'True', end.reason, end.message, nowMs)];
      if (end.good) completionTime = rfc3339(nowMs);
      plan.events.push(
        end.good
          ? { type: 'Normal', reason: 'Completed', message: 'Job completed' }
          : { type: 'Warning', reason: end.reason, message: end.message },
      );
    }
  }
  const going = new Set([...plan.delete, ...plan.drop]);
  const stillActive = active.length - going.size;
  plan.status = {
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(startTime ? { startTime } : {}),
    ...(completionTime ? { completionTime } : {}),
    ...(stillActive > 0 ? { active: stillActive } : {}),
    ...(counts.succeeded > 0 ? { succeeded: counts.succeeded } : {}),
    ...(counts.failed > 0 ? { failed: counts.failed } : {}),
    ...(counts.completed.size > 0 ? { completedIndexes: formatIndexes(counts.completed) } : {}),
    ...(hasLimitPerIndex(job) ? { failedIndexes: formatIndexes(counts.failedIndexes) } : {}),
    terminating: terminating + plan.drop.length,
    uncountedTerminatedPods: counts.uncounted,
    ready: active.filter((pod) => isReady(pod) && !going.has(pod)).length,
  };
  return plan;
}

const replaced = (conditions: readonly JobCondition[], next: JobCondition): JobCondition[] => [
  ...withoutCondition(conditions, next.type),
  next,
];

function resize(
  job: Job,
  pods: readonly Pod[],
  active: readonly Pod[],
  counts: Counts,
  succeeded: number,
  plan: JobPlan,
  nowMs: number,
): void {
  const { parallelism = 1, completions } = job.spec ?? {};
  const wanted =
    completions === undefined
      ? succeeded > 0
        ? Math.min(active.length, parallelism)
        : parallelism
      : Math.min(parallelism, Math.max(0, completions - succeeded - counts.failedIndexes.size));
  if (active.length > wanted)
    plan.drop.push(...[...active].sort((a, b) => Number(isReady(a)) - Number(isReady(b))).slice(0, active.length - wanted));
  const missing = wanted - active.length - (job.spec?.podReplacementPolicy === 'Failed' ? pods.filter(isTerminating).length : 0);
  if (missing <= 0) return;
  const failed = pods.filter((pod) => hasEnded(pod, job) === 'failed');
  const failures = counts.failed + (counts.uncounted.failed?.length ?? 0);
  const waitMs = hasLimitPerIndex(job) ? 0 : retryInMs(failed, failures, nowMs);
  if (waitMs > 0) {
    plan.nextMs = waitMs;
    return;
  }
  if (!isIndexed(job)) {
    plan.create.push(...Array.from({ length: missing }, () => ({})));
    return;
  }
  const busy = new Set(active.map(indexOf));
  const newest = newestFailed(failed);
  for (let index = 0; index < (completions ?? 0) && plan.create.length < missing; index++) {
    if (busy.has(index) || counts.completed.has(index) || counts.failedIndexes.has(index)) continue;
    if (!hasLimitPerIndex(job)) {
      plan.create.push({ index });
      continue;
    }
    const last = newest.get(index);
    const soFar = failuresWith(job, last);
    const indexWaitMs = retryInMs(last ? [last] : [], soFar.counted + soFar.ignored, nowMs);
    if (indexWaitMs > 0) plan.nextMs = Math.min(plan.nextMs ?? indexWaitMs, indexWaitMs);
    else plan.create.push({ index, marks: failureAnnotations(soFar) });
  }
}

/** Measured from the last failure: each one in a row doubles the wait. */
function retryInMs(failed: readonly Pod[], failures: number, nowMs: number): number {
  if (failures === 0) return 0;
  const ends = failed.map(({ status, metadata }) => {
    const times = (status?.containerStatuses ?? []).flatMap(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '') || []);
    return times.length > 0 ? Math.max(...times) : Date.parse(metadata.deletionTimestamp ?? metadata.creationTimestamp ?? '') || 0;
  });
  return ends.length === 0 ? 0 : Math.max(...ends) + backoffMs(failures, RETRY_BASE_MS, RETRY_MAX_MS) - nowMs;
}
