// What a CronJob needs next: who of its Jobs is active, what start is due, which finished Jobs are too many. Pure.
import type { CronJob, CronJobStatus, Job } from '../../../api/gen/types/batch.v1.ts';
import type { ObjectReference } from '../../../api/gen/types/core.v1.ts';
import { parseSchedule, type Schedule } from '../../../api/kinds/index.ts';
import { controllerReference, goQuote, type KubeObject } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { dueOf } from './due.ts';
import { zonedTime, zoneExists } from './next.ts';

const SCHEDULED_AT = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const TIME_ZONE_TEXT =
  'is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';

interface Note {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface CronPlan {
  status: CronJobStatus;
  notes: Note[];
  /** The start that is due. */
  startMs?: number;
  /** Active Jobs that make place for the new one. */
  replace: ObjectReference[];
  /** Finished Jobs beyond the history limits. */
  expired: Job[];
  nextMs?: number;
}

const finishedAs = (job: Job): string | undefined =>
  job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')?.type;

export const isStranger = (cronJob: CronJob, job: Job): boolean =>
  finishedAs(job) === undefined && !cronJob.status?.active?.some(({ uid }) => uid === job.metadata.uid);

/** `jobs` are all that the CronJob owns; `gone`: uids of active Jobs that exist no more. */
export function planCronJob(cronJob: CronJob, jobs: readonly Job[], gone: ReadonlySet<string>, nowMs: number): CronPlan {
  const notes: Note[] = [];
  const plan: CronPlan = { status: settle(cronJob, jobs, gone, notes), notes, replace: [], expired: expired(cronJob, jobs) };
  const schedule = cronJob.metadata.deletionTimestamp ? undefined : scheduleOf(cronJob, notes);
  if (schedule) decide(cronJob, schedule, plan, nowMs);
  return plan;
}

/** The status without Jobs that have ended or vanished. */
function settle(cronJob: CronJob, jobs: readonly Job[], gone: ReadonlySet<string>, notes: Note[]): CronJobStatus {
  const status: CronJobStatus = { ...cronJob.status };
  let active = [...(status.active ?? [])];
  const drop = (uid: string | undefined) => {
    active = active.filter((reference) => reference.uid !== uid);
  };
  for (const job of jobs) {
    const { name, uid } = job.metadata;
    const end = finishedAs(job);
    if (isStranger(cronJob, job)) {
      notes.push({ type: 'Warning', reason: 'UnexpectedJob', message: `Saw a job that the controller did not create or forgot: ${name}` });
    } else if (end && active.some((reference) => reference.uid === uid)) {
      drop(uid);
      notes.push({ type: 'Normal', reason: 'SawCompletedJob', message: `Saw completed job: ${name}, condition: ${end}` });
    }
    const completedAt = end === 'Complete' ? job.status?.completionTime : undefined;
    if (completedAt && (!status.lastSuccessfulTime || Date.parse(completedAt) > Date.parse(status.lastSuccessfulTime)))
      status.lastSuccessfulTime = completedAt;
  }
  for (const { uid = '', name } of active.filter((reference) => gone.has(reference.uid ?? ''))) {
    drop(uid);
    notes.push({ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${name}` });
  }
  if (active.length > 0) status.active = active;
  else delete status.active;
  return status;
}

/** Undefined: nothing can be started, which is told when it is the user's mistake. */
function scheduleOf({ spec }: CronJob, notes: Note[]): Schedule | undefined {
  const { timeZone, schedule = '', suspend } = spec ?? {};
  if (timeZone !== undefined && !zoneExists(timeZone)) {
    const message = `invalid timeZone: ${goQuote(timeZone)}: unknown time zone ${timeZone}`;
    notes.push({ type: 'Warning', reason: 'UnknownTimeZone', message });
    return undefined;
  }
  if (suspend) return undefined;
  if (schedule.includes('TZ')) {
    const message = `CRON_TZ or TZ used in schedule ${goQuote(schedule)} ${TIME_ZONE_TEXT}`;
    notes.push({ type: 'Warning', reason: 'UnsupportedSchedule', message });
  }
  try {
    const parsed = parseSchedule(schedule);
    if (parsed.zone === undefined || zoneExists(parsed.zone)) return parsed;
    throw new Error(`provided bad location ${parsed.zone}: unknown time zone ${parsed.zone}`);
  } catch (error) {
    const message = `unparseable schedule: ${goQuote(schedule)} : ${(error as Error).message}`;
    notes.push({ type: 'Warning', reason: 'UnparseableSchedule', message });
    return undefined;
  }
}

function decide(cronJob: CronJob, schedule: Schedule, plan: CronPlan, nowMs: number): void {
  const { concurrencyPolicy, startingDeadlineSeconds } = cronJob.spec ?? {};
  const { dueMs, tooMany, nextMs } = dueOf(cronJob, schedule, nowMs);
  if (nextMs !== undefined) plan.nextMs = nextMs;
  if (tooMany) {
    const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    plan.notes.push({ type: 'Warning', reason: 'TooManyMissedTimes', message });
  }
  if (dueMs === undefined) return;
  if (startingDeadlineSeconds !== undefined && dueMs + Number(startingDeadlineSeconds) * 1000 < nowMs) {
    const when = new Date(dueMs).toUTCString().replace('GMT', '+0000');
    plan.notes.push({ type: 'Warning', reason: 'MissSchedule', message: `Missed scheduled time to start a job: ${when}` });
    return;
  }
  const active = plan.status.active ?? [];
  const isStarted = active.some(({ name }) => name === jobName(cronJob, dueMs));
  if (isStarted || Date.parse(plan.status.lastScheduleTime ?? '') === dueMs) return;
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    plan.notes.push({ type: 'Normal', reason: 'JobAlreadyActive', message });
    return;
  }
  if (concurrencyPolicy === 'Replace') plan.replace = active;
  plan.startMs = dueMs;
}

/** Oldest first, of those that succeeded and those that failed apart. */
function expired({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const beyond = (end: string, limit: number | undefined): Job[] => {
    if (limit === undefined) return [];
    const ended = jobs.filter((job) => finishedAs(job) === end).sort((a, b) => startOf(a) - startOf(b));
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond('Complete', spec?.successfulJobsHistoryLimit), ...beyond('Failed', spec?.failedJobsHistoryLimit)];
}

const startOf = ({ status, metadata }: Job): number => Date.parse(status?.startTime ?? metadata.creationTimestamp ?? '') || 0;

/** One name a start: a start that is tried twice makes one Job. */
const jobName = (cronJob: CronJob, startMs: number): string => `${cronJob.metadata.name}-${Math.floor(startMs / 60_000)}`;

export function jobOf(cronJob: CronJob, startMs: number): KubeObject {
  const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cronJob, startMs),
      namespace: cronJob.metadata.namespace as string,
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [SCHEDULED_AT]: zonedTime(cronJob.spec?.timeZone ?? '', startMs) },
      ownerReferences: [controllerReference(cronJob as KubeObject)],
    },
    spec,
  };
}

/** The status once `job` has been started. */
export function startedStatus(status: CronJobStatus, job: KubeObject, startMs: number): CronJobStatus {
  const { name, namespace, uid, resourceVersion } = job.metadata;
  const reference = { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion } as ObjectReference;
  return { ...status, active: [...(status.active ?? []), reference], lastScheduleTime: rfc3339(startMs) };
}
