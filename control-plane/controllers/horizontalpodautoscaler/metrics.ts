// What each metric of an object says, and what all of them say together.
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget } from '../../../api/gen/types/autoscaling.v2.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { milliQuantity, parseQuantity, quantityText, toMilli } from '../../../api/meta/index.ts';
import { type Answer, type Question, wantedReplicas } from './replicas.ts';
import type { PodMetrics } from './usage.ts';

const TOLERANCE = 0.1;

/** Of the pods that the target selects. */
export interface Measured {
  pods: readonly Pod[];
  /** Throws when the API of metrics gives none. */
  metrics(): Promise<readonly PodMetrics[]>;
}

interface Proposal {
  replicas: number;
  /** As events name it. */
  name: string;
  status: MetricStatus;
}

/** Why a metric says nothing: told as a condition and an event. */
class MetricFailure extends Error {
  readonly reason: string;
  /** What `reason` is told with; the error's own message says which metric it was. */
  readonly detail: string;
  constructor(reason: string, metric: string, detail: string) {
    super(`failed to get ${metric}: ${detail}`);
    this.reason = reason;
    this.detail = detail;
  }
}

const toleranceOf = ({ spec }: HorizontalPodAutoscaler): Question['tolerance'] => {
  const of = (text: string | undefined): number => (text === undefined ? TOLERANCE : Number(toMilli(text)) / 1000);
  return { up: of(spec.behavior?.scaleUp?.tolerance), down: of(spec.behavior?.scaleDown?.tolerance) };
};

async function propose(
  hpa: HorizontalPodAutoscaler,
  spec: MetricSpec,
  currentReplicas: number,
  measured: Measured,
  nowMs: number,
): Promise<Proposal> {
  const tolerance = toleranceOf(hpa);
  if (spec.type === 'Resource' && spec.resource) {
    const { name: resource, target } = spec.resource;
    const failure = (detail: string) => new MetricFailure('FailedGetResourceMetric', `${resource} resource metric value`, detail);
    const { answer, name } = await ask(
      { resource, target: targetOf(target, failure), currentReplicas, tolerance },
      measured,
      nowMs,
      failure,
    );
    return {
      replicas: answer.replicas,
      name,
      status: { type: 'Resource', resource: { name: resource, current: currentOf(answer, resource) } },
    };
  }
  if (spec.type === 'ContainerResource' && spec.containerResource) {
    const { name: resource, target, container } = spec.containerResource;
    const failure = (detail: string) => new MetricFailure('FailedGetContainerResourceMetric', `${resource} container metric value`, detail);
    const question = { resource, container, target: targetOf(target, failure), currentReplicas, tolerance };
    const { answer, name } = await ask(question, measured, nowMs, failure);
    const current = currentOf(answer, resource);
    return {
      replicas: answer.replicas,
      name,
      status: { type: 'ContainerResource', containerResource: { name: resource, container, current } },
    };
  }
  throw unserved(spec);
}

/** Metrics of other APIs (custom.metrics.k8s.io, external.metrics.k8s.io): no cluster has them by itself. */
function unserved({ type, pods, object, external }: MetricSpec): MetricFailure {
  const custom = 'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';
  if (type === 'Pods')
    return new MetricFailure('FailedGetPodsMetric', 'pods metric value', `unable to get metric ${pods?.metric.name}: ${custom}`);
  if (type === 'Object')
    return new MetricFailure(
      'FailedGetObjectMetric',
      'object metric value',
      `unable to get metric ${object?.metric.name}: ${object?.describedObject.kind} on ${object?.describedObject.name}/${custom}`,
    );
  if (type === 'External') {
    const name = external?.metric.name;
    const missing = `the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`;
    const detail = `unable to get external metric ${name}: unable to fetch metrics from external metrics API: ${missing}`;
    return new MetricFailure('FailedGetExternalMetric', `${name} external metric value`, detail);
  }
  return new MetricFailure('InvalidMetricSourceType', 'metric', `unknown metric source type "${type}"`);
}

function targetOf({ averageValue, averageUtilization }: MetricTarget, failure: (detail: string) => Error): Question['target'] {
  if (averageValue !== undefined) return { averageMilli: Number(toMilli(averageValue)) };
  if (averageUtilization !== undefined) return { utilization: averageUtilization };
  throw failure('invalid resource metric source: neither an average utilization target nor an average value target was set');
}

async function ask(
  question: Question,
  measured: Measured,
  nowMs: number,
  failure: (detail: string) => Error,
): Promise<{ answer: Answer; name: string }> {
  const { resource, target } = question;
  const isUtilization = 'utilization' in target;
  try {
    const metrics = await measured.metrics().catch((error: unknown) => {
      throw new Error(
        `unable to get metrics for resource ${resource}: unable to fetch metrics from resource metrics API: ${(error as Error).message}`,
      );
    });
    const answer = wantedReplicas(question, measured.pods, metrics, nowMs);
    return { answer, name: `${resource} resource${isUtilization ? ' utilization (percentage of request)' : ''}` };
  } catch (error) {
    throw failure(`failed to get ${resource} ${isUtilization ? 'utilization' : 'usage'}: ${(error as Error).message}`);
  }
}

function currentOf({ utilization, averageMilli }: Answer, resource: string): { averageUtilization?: number; averageValue: string } {
  const averageValue = quantityText(milliQuantity(averageMilli, resource === 'memory' ? 'BinarySI' : 'DecimalSI'));
  return {
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
    averageValue: quantityText(parseQuantity(averageValue)),
  };
}

export interface Verdict {
  statuses: MetricStatus[];
  /** The highest proposal; undefined: the metrics that failed might have wanted more. */
  best?: Proposal;
  failure?: { first: MetricFailure; message: string };
}

/** One that fails hinders going down, since it might have wanted more, but not going up. */
export async function judge(
  hpa: HorizontalPodAutoscaler,
  currentReplicas: number,
  specReplicas: number,
  measured: Measured,
  nowMs: number,
): Promise<Verdict> {
  const statuses: MetricStatus[] = [];
  const failures: MetricFailure[] = [];
  let best: Proposal | undefined;
  const specs = hpa.spec.metrics ?? [];
  for (const spec of specs)
    try {
      const proposal = await propose(hpa, spec, currentReplicas, measured, nowMs);
      statuses.push(proposal.status);
      if (!best || proposal.replicas > best.replicas) best = proposal;
    } catch (error) {
      if (!(error instanceof MetricFailure)) throw error;
      statuses.push({ type: '' });
      failures.push(error);
    }
  const [first] = failures;
  if (!first) return { statuses, ...(best ? { best } : {}) };
  const failure = {
    first,
    message: `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first.message}`,
  };
  return best && best.replicas >= specReplicas ? { statuses, best, failure } : { statuses, failure };
}
