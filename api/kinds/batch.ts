// Behaviours of the kinds of batch/v1.
import { cronJob } from './batch/cronjob.ts';
import { job } from './batch/job.ts';
import type { Behaviours } from './behaviours.ts';

export const batch: Behaviours = { CronJob: cronJob, Job: job };
