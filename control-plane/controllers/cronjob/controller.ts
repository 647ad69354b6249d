// Starts Jobs by the clock, keeps a CronJob's list of active ones and cleans its history up.
import type { CronJob, CronJobStatus, Job } from '../../../api/gen/types/batch.v1.ts';
import type { ObjectReference } from '../../../api/gen/types/core.v1.ts';
import { controllerOf, isStatusError, type KubeObject, semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { type CronPlan, isStranger, jobOf, planCronJob, startedStatus } from './plan.ts';

class CronJobController {
  readonly #context: ControllerContext;
  readonly #events: EventRecorder;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#events = context.events('cronjob-controller');
    this.#cronJobs = context.informers.of<CronJob>(RESOURCES.cronjobs);
    this.#jobs = context.informers.of<Job>(RESOURCES.jobs);
    this.#jobs.addIndex('cronjob', (job) => {
      const owner = controllerOf(job);
      return owner?.kind === 'CronJob' ? [owner.uid] : [];
    });
    const queue = reconcilerOf('cronjob', context, signal, ready, (key) => this.#reconcile(key));
    this.#cronJobs.on({ added: (cronJob) => queue.add(keyOf(cronJob)), updated: (_, cronJob) => queue.add(keyOf(cronJob)) });
    const jobSeen = (job: Job) => {
      const owner = controllerOf(job);
      if (owner?.kind === 'CronJob') queue.add(`${job.metadata.namespace}/${owner.name}`);
    };
    this.#jobs.on({ added: jobSeen, updated: (_, job) => jobSeen(job), deleted: jobSeen });
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cached = this.#cronJobs.get(key);
    if (!cached) return done;
    const { client, clock } = this.#context;
    const { name = '', namespace = '', uid = '' } = cached.metadata;
    const jobs = this.#jobs.by('cronjob', uid);
    // A Job that is not listed may be one that was just started: the cache is behind.
    const fresh = jobs.some((job) => isStranger(cached, job)) ? await client.get<CronJob>(RESOURCES.cronjobs, name, { namespace }) : cached;
    const cronJob: CronJob = { ...fresh, apiVersion: 'batch/v1', kind: 'CronJob' };
    const plan = planCronJob(cronJob, jobs, await this.#gone(cronJob, jobs), clock.nowMs());
    for (const { type, reason, message } of plan.notes) this.#events.record(cronJob, type, reason, message);
    let status = plan.status;
    try {
      status = await this.#start(cronJob, plan);
    } finally {
      for (const job of plan.expired) await this.#remove(cronJob, job.metadata.name ?? '');
      if (!semanticEqual(status, cronJob.status ?? {}))
        await client.update(RESOURCES.cronjobs, { ...cronJob, status }, { subresource: 'status' });
    }
    return plan.nextMs === undefined ? done : { retryAfterMs: Math.max(1, plan.nextMs) };
  }

  /** Active Jobs that are neither in the cache nor on the server. */
  async #gone(cronJob: CronJob, jobs: readonly Job[]): Promise<Set<string>> {
    const gone = new Set<string>();
    const unseen = (cronJob.status?.active ?? []).filter(({ uid }) => !jobs.some((job) => job.metadata.uid === uid));
    for (const { uid = '', name = '', namespace = '' } of unseen)
      await this.#context.client.get(RESOURCES.jobs, name, { namespace }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
        gone.add(uid);
      });
    return gone;
  }

  async #start(cronJob: CronJob, plan: CronPlan): Promise<CronJobStatus> {
    if (plan.startMs === undefined) return plan.status;
    const status = await this.#replace(cronJob, plan);
    const wanted = jobOf(cronJob, plan.startMs);
    const { name = '', namespace = '' } = wanted.metadata;
    const { client } = this.#context;
    try {
      const job = await client.create(RESOURCES.jobs, wanted);
      this.#events.record(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
      return startedStatus(status, job, plan.startMs);
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) {
        // Ours, started before the status could be written; or somebody else's.
        const job = await client.get<KubeObject>(RESOURCES.jobs, name, { namespace });
        return controllerOf(job)?.uid === cronJob.metadata.uid ? startedStatus(status, job, plan.startMs) : status;
      }
      const isTerminating = isStatusError(error) && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating');
      if (!isTerminating) this.#events.record(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }

  async #replace(cronJob: CronJob, { replace, status }: CronPlan): Promise<CronJobStatus> {
    const left = (active: readonly ObjectReference[] | undefined) => (active ?? []).filter((reference) => !replace.includes(reference));
    for (const { name = '' } of replace) await this.#remove(cronJob, name);
    return replace.length === 0 ? status : { ...status, active: left(status.active) };
  }

  async #remove(cronJob: CronJob, name: string): Promise<void> {
    try {
      const { namespace = '' } = cronJob.metadata;
      await this.#context.client.delete(RESOURCES.jobs, name, { namespace, propagationPolicy: 'Background' });
      this.#events.record(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      this.#events.record(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
      throw error;
    }
  }
}

export const cronJobController: Controller = {
  name: 'cronjob',
  user: account('cronjob-controller'),
  start(context, signal, ready) {
    new CronJobController(context, signal, ready);
  },
};
