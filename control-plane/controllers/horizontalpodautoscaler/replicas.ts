// How many replicas a metric wants (upstream's replica calculator). Pure.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { groupPods, type PodMetrics, requestsOf, samplesOf } from './usage.ts';

/** Ratios nearer to 1 than this change nothing. */
interface Tolerance {
  up: number;
  down: number;
}

export interface Question {
  resource: string;
  container?: string | undefined;
  /** Percent of the request, or thousandths of the resource's unit per pod. */
  target: { utilization: number } | { averageMilli: number };
  currentReplicas: number;
  tolerance: Tolerance;
}

export interface Answer {
  replicas: number;
  /** Percent of the requests, when the target is one. */
  utilization?: number;
  averageMilli: number;
}

/** Usage in proportion to the target. */
interface Usage {
  ratio: number;
  utilization?: number;
  averageMilli: number;
}

const within = (ratio: number, { up, down }: Tolerance): boolean => 1 - down <= ratio && ratio <= 1 + up;

/** @throws Error that says why nothing can be computed */
export function wantedReplicas(question: Question, pods: readonly Pod[], metrics: readonly PodMetrics[], nowMs: number): Answer {
  const { resource, container, target, currentReplicas, tolerance } = question;
  if (metrics.length === 0)
    throw new Error(`unable to get metrics for resource ${resource}: no metrics returned from resource metrics API`);
  let samples: ReturnType<typeof samplesOf>;
  try {
    samples = samplesOf(metrics, resource, container);
  } catch (error) {
    throw new Error(`unable to get metrics for resource ${resource}: failed to get container metrics: ${(error as Error).message}`);
  }
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  const { ready, unready, missing, ignored } = groupPods(pods, samples, resource, nowMs);
  const used = new Map([...samples].map(([name, { milli }]) => [name, milli]));
  for (const name of [...ignored, ...unready]) used.delete(name);
  if (used.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const requests = 'utilization' in target ? requestsOf(pods, resource, container) : undefined;
  const measure = (): Usage => usageOf(used, requests, target);
  const first = measure();
  const found = { averageMilli: first.averageMilli, ...(first.utilization === undefined ? {} : { utilization: first.utilization }) };
  const unreadyCount = unready.length > 0 && first.ratio > 1;
  if (!unreadyCount && missing.length === 0)
    return { ...found, replicas: within(first.ratio, tolerance) ? currentReplicas : Math.ceil(first.ratio * ready) };
  // Pods without figures are taken to speak against the change: as busy when going down, as idle when going up.
  for (const name of missing) {
    if (first.ratio < 1) used.set(name, fallback(name, requests, target));
    else if (first.ratio > 1) used.set(name, 0);
  }
  if (unreadyCount) for (const name of unready) used.set(name, 0);
  const { ratio } = measure();
  if (within(ratio, tolerance) || (first.ratio < 1 && ratio > 1) || (first.ratio > 1 && ratio < 1))
    return { ...found, replicas: currentReplicas };
  const replicas = Math.ceil(ratio * used.size);
  const isContrary = (ratio < 1 && replicas > currentReplicas) || (ratio > 1 && replicas < currentReplicas);
  return { ...found, replicas: isContrary ? currentReplicas : replicas };
}

function fallback(name: string, requests: ReadonlyMap<string, number> | undefined, target: Question['target']): number {
  return 'utilization' in target ? ((requests?.get(name) ?? 0) * Math.max(100, target.utilization)) / 100 : target.averageMilli;
}

function usageOf(used: ReadonlyMap<string, number>, requests: ReadonlyMap<string, number> | undefined, target: Question['target']): Usage {
  if ('averageMilli' in target) {
    const average = Math.trunc([...used.values()].reduce((sum, value) => sum + value, 0) / used.size);
    return { ratio: average / target.averageMilli, averageMilli: average };
  }
  const known = [...used].filter(([name]) => requests?.has(name));
  const total = known.reduce((sum, [, value]) => sum + value, 0);
  const asked = known.reduce((sum, [name]) => sum + (requests?.get(name) ?? 0), 0);
  if (asked === 0) throw new Error('no metrics returned matched known pods');
  const utilization = Math.trunc((total * 100) / asked);
  return { ratio: utilization / target.utilization, utilization, averageMilli: Math.trunc(total / known.length) };
}
