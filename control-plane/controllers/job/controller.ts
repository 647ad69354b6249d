// Runs the pods of a Job until enough have succeeded; each pod is counted once, over crashes too, by its finalizer.
import type { Job } from '../../../api/gen/types/batch.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject, selectorFrom, semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { claim } from '../shared/adoption.ts';
import { slowStart } from '../shared/batches.ts';
import { Expectations, UNSETTLED } from '../shared/expectations.ts';
import { followPods, indexPods, orphansOf } from '../shared/pod-index.ts';
import { type JobPlan, type PlannedPod, planJob } from './plan.ts';
import { jobPod, TRACKING } from './pod.ts';
import { isOver, isStray } from './strays.ts';

const OURS = 'kubernetes.io/job-controller';

class JobController {
  readonly #context: ControllerContext;
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly #events: EventRecorder;
  readonly #expectations: Expectations;
  readonly #queue: Reconciler;
  /** Keys of pods that carry our finalizer, and no Job may count them. */
  readonly #strays: Reconciler;

  constructor(context: ControllerContext, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#events = context.events('job-controller');
    this.#jobs = context.informers.of<Job>(RESOURCES.jobs);
    this.#pods = indexPods(context.informers);
    this.#expectations = new Expectations(this.#pods as unknown as Informer, context.clock);
    this.#queue = reconcilerOf('job', context, signal, ready, (key) => this.#reconcile(key));
    this.#strays = reconcilerOf('job', context, signal, ready, (key) => this.#freeStray(key));
    const add = (job: Job) => this.#queue.add(keyOf(job));
    this.#jobs.on({ added: add, updated: (_, job) => add(job), deleted: (job) => this.#jobGone(job) });
    const owners = { kind: 'Job', owners: this.#jobs, selectorOf: (job: Job) => selectorFrom(job.spec?.selector) };
    followPods(this.#pods, owners, (key) => this.#queue.add(key));
    const seen = (pod: Pod) => this.#isStray(pod) && this.#strays.add(keyOf(pod));
    this.#pods.on({ added: seen, updated: (_, pod) => seen(pod) });
  }

  #jobGone(job: Job): void {
    this.#expectations.forget(keyOf(job));
    for (const pod of this.#pods.by('owner', job.metadata.uid ?? '')) this.#strays.add(keyOf(pod));
  }

  #isStray(pod: Pod): boolean {
    const { namespace = '' } = pod.metadata;
    return isStray(pod, { named: (name) => this.#jobs.get(`${namespace}/${name}`), all: () => this.#jobs.by('namespace', namespace) });
  }

  async #freeStray(key: string): Promise<Outcome> {
    const pod = this.#pods.get(key);
    if (pod && this.#isStray(pod)) await this.#release(pod);
    return done;
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cached = this.#jobs.get(key);
    if (!cached || (cached.spec?.managedBy ?? OURS) !== OURS) return done;
    const job: Job = { ...cached, apiVersion: 'batch/v1', kind: 'Job' };
    const { client, clock } = this.#context;
    const own = this.#pods.by('owner', job.metadata.uid ?? '');
    if (isOver(job)) {
      await Promise.all(own.map((pod) => this.#release(pod)));
      for (const pod of orphansOf(this.#pods, job.metadata.namespace ?? '')) if (this.#isStray(pod)) this.#strays.add(keyOf(pod));
      return done;
    }
    const settled = this.#expectations.satisfied(key);
    const selector = selectorFrom(job.spec?.selector);
    const candidates = [...own, ...orphansOf(this.#pods, job.metadata.namespace ?? '')];
    const pods = await claim<Pod>({
      client,
      resource: RESOURCES.pods,
      owner: job as KubeObject,
      ownerResource: RESOURCES.jobs,
      selector,
      candidates,
      finalizer: TRACKING,
    });
    const plan = planJob(job, pods, settled, clock.nowMs());
    const failure = await this.#perform(key, job, plan).catch((error: unknown) => error);
    if (!semanticEqual(plan.status, job.status)) {
      await client.update(RESOURCES.jobs, { ...job, status: plan.status }, { subresource: 'status' });
      for (const { type, reason, message } of plan.events) this.#events.record(job, type, reason, message);
    }
    await Promise.all(plan.release.map((pod) => this.#release(pod)));
    if (failure) throw failure;
    if (plan.nextMs !== undefined) return { retryAfterMs: Math.max(plan.nextMs, 1) };
    return settled ? done : UNSETTLED;
  }

  async #perform(key: string, job: Job, plan: JobPlan): Promise<void> {
    const { client } = this.#context;
    await Promise.all(
      [...plan.delete, ...plan.drop].map(async (pod) => {
        if (plan.drop.includes(pod)) await this.#release(pod);
        const { name = '', namespace = '', uid = '' } = pod.metadata;
        try {
          await client.delete(RESOURCES.pods, name, { namespace, preconditions: { uid } });
          this.#expectations.deleted(key, pod as KubeObject);
          this.#events.record(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        } catch (error) {
          if (!isStatusError(error, 'NotFound')) throw error;
        }
      }),
    );
    await slowStart(plan.create.length, async (at) => {
      try {
        const { index, marks } = plan.create[at] as PlannedPod;
        const created = await client.create(RESOURCES.pods, jobPod(job, index, marks));
        this.#expectations.created(key, created);
        plan.status.active = (plan.status.active ?? 0) + 1;
        this.#events.record(job, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
      } catch (error) {
        if (isStatusError(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) return;
        this.#events.record(job, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
        throw error;
      }
    });
  }

  async #release(pod: Pod): Promise<void> {
    const { name = '', namespace = '', uid, resourceVersion, finalizers = [] } = pod.metadata;
    if (!finalizers.includes(TRACKING)) return;
    const rest = finalizers.filter((finalizer) => finalizer !== TRACKING);
    const metadata = { uid, resourceVersion, finalizers: rest.length > 0 ? rest : null };
    try {
      await this.#context.client.patch(RESOURCES.pods, name, 'merge', { metadata }, { namespace });
    } catch (error) {
      // Gone, or changed meanwhile: the change brings the Job here again.
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
  }
}

export const jobController: Controller = {
  name: 'job',
  user: account('job-controller'),
  start(context, signal, ready) {
    new JobController(context, signal, ready);
  },
};
