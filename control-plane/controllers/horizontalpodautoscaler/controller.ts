// Scales a target by what its pods use: looked at every 15 s, as upstream does.
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus } from '../../../api/gen/types/autoscaling.v2.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { type KubeObject, parseApiVersion, parseLabelSelector, semanticEqual } from '../../../api/meta/index.ts';
import { type EventRecorder, type Informer, keyOf, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import type { AllKinds } from '../shared/all-kinds.ts';
import { indexPods } from '../shared/pod-index.ts';
import { type History, limit, remembered, type Told } from './limits.ts';
import { judge, type Measured, type Verdict } from './metrics.ts';
import type { PodMetrics } from './usage.ts';

const PERIOD_MS = 15_000;
const POD_METRICS: Resource = { group: 'metrics.k8s.io', version: 'v1beta1', plural: 'pods', kind: 'PodMetrics', namespaced: true };

interface Scale extends KubeObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

interface Rescale {
  replicas: number;
  reason: string;
}

class AutoscalerController {
  readonly #context: ControllerContext;
  readonly #kinds: AllKinds;
  readonly #events: EventRecorder;
  readonly #hpas: Informer<HorizontalPodAutoscaler>;
  readonly #pods: Informer<Pod>;
  readonly #histories = new Map<string, History>();

  constructor(context: ControllerContext, kinds: AllKinds, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#kinds = kinds;
    this.#events = context.events('horizontal-pod-autoscaler');
    this.#hpas = context.informers.of<HorizontalPodAutoscaler>(RESOURCES.horizontalpodautoscalers);
    this.#pods = indexPods(context.informers);
    const queue = reconcilerOf('horizontalpodautoscaler', context, signal, ready, (key) => this.#reconcile(key), 5);
    this.#hpas.on({
      added: (hpa) => queue.add(keyOf(hpa)),
      updated: (before, hpa) => !semanticEqual(before.spec, hpa.spec) && queue.add(keyOf(hpa)),
      deleted: (hpa) => void this.#histories.delete(keyOf(hpa)),
    });
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cached = this.#hpas.get(key);
    if (!cached) return done;
    const hpa: HorizontalPodAutoscaler = { ...cached, apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
    const status = await this.#look(key, hpa);
    if (!semanticEqual(status, hpa.status))
      await this.#context.client.update(RESOURCES.horizontalpodautoscalers, { ...hpa, status }, { subresource: 'status' });
    return { retryAfterMs: PERIOD_MS };
  }

  /** One look at the target: scales it if need be, and says what the status is now. */
  async #look(key: string, hpa: HorizontalPodAutoscaler): Promise<HorizontalPodAutoscalerStatus> {
    const nowMs = this.#context.clock.nowMs();
    const status = new Status(hpa, nowMs);
    let target: { resource: Resource; scale: Scale };
    try {
      target = await this.#scaleOf(hpa);
    } catch (error) {
      const { message } = error as Error;
      this.#events.record(hpa, 'Warning', 'FailedGetScale', message);
      status.tell('AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${message}`);
      return status.value;
    }
    status.tell('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
    const current = target.scale.spec.replicas ?? 0;
    const history = this.#historyOf(key, hpa, current, nowMs);
    const decided = await this.#decide(hpa, target.scale, current, history, status, nowMs);
    if (!decided) return status.value;
    if (decided.replicas === current) {
      status.count(current, current);
      return status.value;
    }
    await this.#rescale(hpa, target, decided, current, history, status, nowMs);
    return status.value;
  }

  /** The target may be of any kind that has a scale. */
  async #scaleOf(hpa: HorizontalPodAutoscaler): Promise<{ resource: Resource; scale: Scale }> {
    const { apiVersion = '', kind, name } = hpa.spec.scaleTargetRef;
    const { group } = parseApiVersion(apiVersion);
    const resource = this.#kinds.find(group, kind);
    if (!resource)
      throw new Error(`unable to determine resource for scale target reference: no matches for kind "${kind}" in group "${group}"`);
    const namespace = hpa.metadata.namespace ?? '';
    return { resource, scale: await this.#context.client.get<Scale>(resource, name, { namespace, subresource: 'scale' }) };
  }

  /** Its first look is remembered as a recommendation, so that it does not go down at once. */
  #historyOf(key: string, { spec }: HorizontalPodAutoscaler, current: number, nowMs: number): History {
    const known = this.#histories.get(key);
    const history = known ? remembered(known, spec, nowMs) : { recommendations: [{ atMs: nowMs, replicas: current }], ups: [], downs: [] };
    this.#histories.set(key, history);
    return history;
  }

  /** Undefined: nothing could be computed, the status says why. */
  async #decide(
    hpa: HorizontalPodAutoscaler,
    scale: Scale,
    current: number,
    history: History,
    status: Status,
    nowMs: number,
  ): Promise<Rescale | undefined> {
    const { minReplicas = 1, maxReplicas } = hpa.spec;
    if (current === 0 && minReplicas !== 0) {
      status.tell('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
      return { replicas: 0, reason: '' };
    }
    if (current > maxReplicas) return { replicas: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' };
    if (current < minReplicas) return { replicas: minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' };
    const verdict = await this.#measure(hpa, scale, current, status, nowMs);
    if (verdict) status.value.currentMetrics = verdict.statuses;
    if (!verdict?.best) {
      status.count(current);
      return undefined;
    }
    const { replicas: wanted, name } = verdict.best;
    status.tell('ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${name}`);
    const limited = limit(hpa.spec, wanted, current, history, nowMs);
    history.recommendations.push({ atMs: nowMs, replicas: wanted });
    status.told('AbleToScale', limited.ableToScale);
    status.told('ScalingLimited', limited.scalingLimited);
    return {
      replicas: limited.replicas,
      reason: wanted > current ? `${name} above target` : wanted < current ? 'All metrics below target' : '',
    };
  }

  async #measure(hpa: HorizontalPodAutoscaler, scale: Scale, current: number, status: Status, nowMs: number): Promise<Verdict | undefined> {
    const text = scale.status.selector ?? '';
    if (text === '') {
      this.#events.record(hpa, 'Warning', 'SelectorRequired', 'selector is required');
      status.tell('ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector");
      return undefined;
    }
    const namespace = hpa.metadata.namespace ?? '';
    const selector = parseLabelSelector(text);
    const measured: Measured = {
      pods: this.#pods.by('namespace', namespace).filter(({ metadata }) => selector.matches(metadata.labels)),
      metrics: async () =>
        (await this.#context.client.list(POD_METRICS, { namespace, labelSelector: text })).items as unknown as PodMetrics[],
    };
    const verdict = await judge(hpa, scale.status.replicas, current, measured, nowMs);
    if (!verdict.failure) return verdict;
    const { first, message } = verdict.failure;
    this.#events.record(hpa, 'Warning', first.reason, first.detail);
    if (verdict.best) return verdict;
    status.tell('ScalingActive', 'False', first.reason, `the HPA was unable to compute the replica count: ${first.detail}`);
    this.#events.record(hpa, 'Warning', 'FailedComputeMetricsReplicas', message);
    return verdict;
  }

  async #rescale(
    hpa: HorizontalPodAutoscaler,
    { resource, scale }: { resource: Resource; scale: Scale },
    { replicas, reason }: Rescale,
    current: number,
    history: History,
    status: Status,
    nowMs: number,
  ): Promise<void> {
    try {
      const next = { ...scale, spec: { ...scale.spec, replicas } };
      await this.#context.client.update(resource, next, { namespace: hpa.metadata.namespace ?? '', subresource: 'scale' });
    } catch (error) {
      const { message } = error as Error;
      this.#events.record(hpa, 'Warning', 'FailedRescale', `New size: ${replicas}; reason: ${reason}; error: ${message}`);
      status.tell('AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${message}`);
      status.count(current);
      return;
    }
    status.tell('AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${replicas}`);
    this.#events.record(hpa, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${reason}`);
    (replicas > current ? history.ups : history.downs).push({ atMs: nowMs, replicas: Math.abs(replicas - current) });
    status.count(current, replicas);
    status.value.lastScaleTime = rfc3339(nowMs);
  }
}

/** The status as it becomes in the course of one look. */
class Status {
  readonly value: HorizontalPodAutoscalerStatus;
  readonly #nowMs: number;

  constructor(hpa: HorizontalPodAutoscaler, nowMs: number) {
    this.value = { ...hpa.status, desiredReplicas: hpa.status?.desiredReplicas ?? 0 };
    this.#nowMs = nowMs;
  }

  /** A count of 0 is not written, as Go leaves it out. */
  count(currentReplicas: number, desiredReplicas = this.value.desiredReplicas): void {
    if (currentReplicas > 0) this.value.currentReplicas = currentReplicas;
    else delete this.value.currentReplicas;
    this.value.desiredReplicas = desiredReplicas;
  }

  told(type: string, { status, reason, message }: Told): void {
    this.tell(type, status, reason, message);
  }

  /** In the order in which they were told first. */
  tell(type: string, status: string, reason: string, message: string): void {
    const conditions = [...(this.value.conditions ?? [])];
    const at = conditions.findIndex((condition) => condition.type === type);
    const before = conditions[at];
    const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? '') : rfc3339(this.#nowMs);
    conditions.splice(at < 0 ? conditions.length : at, at < 0 ? 0 : 1, { type, status, lastTransitionTime, reason, message });
    this.value.conditions = conditions;
  }
}

export const horizontalPodAutoscalerController: Controller = {
  name: 'horizontalpodautoscaler',
  user: account('horizontal-pod-autoscaler'),
  start(context, signal, ready) {
    new AutoscalerController(context, context.allKinds, signal, ready);
  },
};
