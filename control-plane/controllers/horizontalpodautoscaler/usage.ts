// What pods use of a resource and what they asked for, and which of them may be judged by it. Pure.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { durationNanos, toMilli } from '../../../api/meta/index.ts';
import { conditionOf, lastingContainers } from '../../../kit/pods/index.ts';

/** Upstream's --horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay. */
const CPU_INITIALIZATION_MS = 300_000;
const READINESS_DELAY_MS = 30_000;

/** As metrics.k8s.io answers. */
export interface PodMetrics {
  metadata: { name?: string; namespace?: string };
  timestamp: string;
  window: string;
  containers: readonly { name: string; usage: Readonly<Record<string, string>> }[];
}

export interface Sample {
  /** Thousandths of the resource's unit. */
  milli: number;
  atMs: number;
  windowMs: number;
}

/** Of all containers of each pod, or of one. A pod of which one container is not measured yet is left out. @throws Error */
export function samplesOf(metrics: readonly PodMetrics[], resource: string, container: string | undefined): Map<string, Sample> {
  const samples = new Map<string, Sample>();
  for (const { metadata, timestamp, window, containers } of metrics) {
    const { name = '', namespace = '' } = metadata;
    const chosen = container === undefined ? containers : containers.filter((one) => one.name === container);
    if (container !== undefined && chosen.length === 0)
      throw new Error(`container ${container} not present in metrics for pod ${namespace}/${name}`);
    const amounts = chosen.map(({ usage }) => usage[resource]);
    if (amounts.length === 0 || amounts.includes(undefined)) continue;
    const milli = amounts.reduce((sum, amount) => sum + Number(toMilli(amount as string)), 0);
    samples.set(name, { milli, atMs: Date.parse(timestamp), windowMs: (durationNanos(window) ?? 0) / 1e6 });
  }
  return samples;
}

/** By pod, in thousandths. @throws Error when a container asks for none of it */
export function requestsOf(pods: readonly Pod[], resource: string, container: string | undefined): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const name = pod.metadata.name ?? '';
    const whole = container === undefined ? pod.spec?.resources?.requests?.[resource] : undefined;
    if (whole !== undefined) {
      requests.set(name, Number(toMilli(whole)));
      continue;
    }
    let sum = 0;
    for (const one of lastingContainers(pod)) {
      if (container !== undefined && one.name !== container) continue;
      const request = one.resources?.requests?.[resource];
      if (request === undefined) throw new Error(`missing request for ${resource} in container ${one.name} of Pod ${name}`);
      sum += Number(toMilli(request));
    }
    requests.set(name, sum);
  }
  return requests;
}

export interface Groups {
  ready: number;
  unready: string[];
  missing: string[];
  ignored: string[];
}

/** A pod that just starts uses much processor time: it is not judged by that. */
export function groupPods(pods: readonly Pod[], samples: ReadonlyMap<string, Sample>, resource: string, nowMs: number): Groups {
  const groups: Groups = { ready: 0, unready: [], missing: [], ignored: [] };
  for (const pod of pods) {
    const name = pod.metadata.name ?? '';
    const sample = samples.get(name);
    if (pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed') groups.ignored.push(name);
    else if (pod.status?.phase === 'Pending') groups.unready.push(name);
    else if (!sample) groups.missing.push(name);
    else if (resource === 'cpu' && isStarting(pod, sample, nowMs)) groups.unready.push(name);
    else groups.ready++;
  }
  return groups;
}

function isStarting(pod: Pod, sample: Sample, nowMs: number): boolean {
  const condition = conditionOf(pod, 'Ready');
  const startMs = Date.parse(pod.status?.startTime ?? '');
  if (!condition || Number.isNaN(startMs)) return true;
  const changedMs = Date.parse(condition.lastTransitionTime ?? '');
  if (startMs + CPU_INITIALIZATION_MS > nowMs) return condition.status === 'False' || sample.atMs < changedMs + sample.windowMs;
  // Later, only one that never was ready.
  return condition.status === 'False' && startMs + READINESS_DELAY_MS > changedMs;
}
