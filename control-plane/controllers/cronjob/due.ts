// Which start of a CronJob is due: the newest missed one, older ones are not made up for (upstream's mostRecentScheduleTime). Pure.
import type { CronJob } from '../../../api/gen/types/batch.v1.ts';
import type { Schedule } from '../../../api/kinds/index.ts';
import { nextTime } from './next.ts';

/** More missed starts than this are told in an event. */
const MANY = 100;
/** Looked at a little after the time, so that it has come for sure. */
const DELTA_MS = 100;

interface Recent {
  earliestMs: number;
  /** The newest start that was due. */
  dueMs?: number;
  missed: 'none' | 'few' | 'many';
}

const never = Number.POSITIVE_INFINITY;

function recent(cronJob: CronJob, schedule: Schedule, nowMs: number, withDeadline: boolean): Recent {
  const zone = cronJob.spec?.timeZone ?? '';
  const next = (ms: number): number => nextTime(schedule, zone, ms) ?? never;
  const deadline = cronJob.spec?.startingDeadlineSeconds;
  let earliestMs = Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? '') || nowMs;
  if (withDeadline && deadline !== undefined) earliestMs = Math.max(earliestMs, nowMs - Number(deadline) * 1000);
  const first = next(earliestMs);
  if (nowMs < first) return { earliestMs, missed: 'none' };
  const second = next(first);
  if (nowMs < second) return { earliestMs, dueMs: first, missed: 'none' };
  // How many fit in between is an estimate; from a little before the last of them on, the schedule itself is asked.
  const interval = Math.round((second - first) / 1000) * 1000;
  const missed = Math.floor((nowMs - first) / interval) + 1;
  let dueMs: number | undefined;
  for (let ms = next(first + (missed - 2) * interval); ms <= nowMs; ms = next(ms)) dueMs = ms;
  return { earliestMs, missed: missed > MANY ? 'many' : 'few', ...(dueMs === undefined ? {} : { dueMs }) };
}

export interface Due {
  /** Undefined: nothing is due. */
  dueMs?: number;
  tooMany: boolean;
  /** Milliseconds until the next start; undefined: there is none. */
  nextMs?: number;
}

export function dueOf(cronJob: CronJob, schedule: Schedule, nowMs: number): Due {
  const { dueMs, missed } = recent(cronJob, schedule, nowMs, true);
  return {
    ...(dueMs === undefined ? {} : { dueMs }),
    tooMany: dueMs !== undefined && missed === 'many',
    ...waitOf(cronJob, schedule, nowMs),
  };
}

function waitOf(cronJob: CronJob, schedule: Schedule, nowMs: number): { nextMs?: number } {
  const { earliestMs, dueMs, missed } = recent(cronJob, schedule, nowMs, false);
  const from = dueMs ?? (missed === 'none' ? earliestMs : nowMs);
  const next = nextTime(schedule, cronJob.spec?.timeZone ?? '', from);
  return next === undefined ? {} : { nextMs: Math.max(0, next + DELTA_MS - nowMs) };
}
