// From what the metrics want to what is done: stabilization over time, rates of change, the bounds of the object. Pure.
import type { HorizontalPodAutoscalerSpec, HPAScalingRules } from '../../../api/gen/types/autoscaling.v2.ts';

/** Without rules of its own an object goes down only to the most that was wanted within five minutes. */
const DOWNSCALE_WINDOW_S = 300;

interface Moment {
  atMs: number;
  replicas: number;
}

/** What is remembered of an object between two looks. */
export interface History {
  /** What the metrics wanted. */
  recommendations: Moment[];
  /** By how much it was scaled. */
  ups: Moment[];
  downs: Moment[];
}

export interface Told {
  status: 'True' | 'False';
  reason: string;
  message: string;
}

export interface Limited {
  replicas: number;
  ableToScale: Told;
  scalingLimited: Told;
}

const READY: Told = { status: 'True', reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const DOWN_STABILIZED: Told = {
  status: 'True',
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const UP_STABILIZED: Told = {
  status: 'True',
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
};
const texts: Readonly<Record<string, string>> = {
  DesiredWithinRange: 'the desired count is within the acceptable range',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
};
const told = (reason: string): Told => ({
  status: reason === 'DesiredWithinRange' ? 'False' : 'True',
  reason,
  message: texts[reason] as string,
});

const since = (moments: readonly Moment[], seconds: number, nowMs: number): number[] =>
  moments.filter(({ atMs }) => atMs >= nowMs - seconds * 1000).map(({ replicas }) => replicas);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** `history` holds earlier recommendations, not this one. */
export function limit(spec: HorizontalPodAutoscalerSpec, wanted: number, current: number, history: History, nowMs: number): Limited {
  const { behavior } = spec;
  const stabilized = stabilize(behavior?.scaleUp, behavior?.scaleDown, wanted, current, history, nowMs, behavior !== undefined);
  const goesUp = behavior ? wanted >= current : false;
  const ableToScale = stabilized === wanted ? READY : goesUp ? UP_STABILIZED : DOWN_STABILIZED;
  const { replicas, reason } = behavior ? byRules(spec, stabilized, current, history, nowMs) : byDefault(spec, stabilized, current);
  return { replicas, ableToScale, scalingLimited: told(reason) };
}

function stabilize(
  up: HPAScalingRules | undefined,
  down: HPAScalingRules | undefined,
  wanted: number,
  current: number,
  { recommendations }: History,
  nowMs: number,
  hasRules: boolean,
): number {
  const highest = Math.max(wanted, ...since(recommendations, down?.stabilizationWindowSeconds ?? DOWNSCALE_WINDOW_S, nowMs));
  if (!hasRules) return highest;
  const lowest = Math.min(wanted, ...since(recommendations, up?.stabilizationWindowSeconds ?? 0, nowMs));
  if (current < lowest) return lowest;
  return Math.min(current, highest);
}

interface Bounded {
  replicas: number;
  reason: string;
}

/** At most twice as many at once, or four. */
function byDefault({ minReplicas = 1, maxReplicas }: HorizontalPodAutoscalerSpec, wanted: number, current: number): Bounded {
  const rate = Math.max(2 * current, 4);
  if (wanted < minReplicas) return { replicas: minReplicas, reason: 'TooFewReplicas' };
  const most = Math.min(rate, maxReplicas);
  if (wanted > most) return { replicas: most, reason: maxReplicas > rate ? 'ScaleUpLimit' : 'TooManyReplicas' };
  return { replicas: wanted, reason: 'DesiredWithinRange' };
}

function byRules(spec: HorizontalPodAutoscalerSpec, wanted: number, current: number, history: History, nowMs: number): Bounded {
  const { minReplicas = 1, maxReplicas, behavior } = spec;
  if (wanted > current) {
    const rate = Math.max(current, highestBy(behavior?.scaleUp, current, history, nowMs));
    const most = Math.min(rate, maxReplicas);
    if (wanted > most) return { replicas: most, reason: maxReplicas > rate ? 'ScaleUpLimit' : 'TooManyReplicas' };
  } else if (wanted < current) {
    const rate = Math.min(current, lowestBy(behavior?.scaleDown, current, history, nowMs));
    const least = Math.max(rate, minReplicas);
    if (wanted < least) return { replicas: least, reason: minReplicas < rate ? 'ScaleDownLimit' : 'TooFewReplicas' };
  }
  return { replicas: wanted, reason: 'DesiredWithinRange' };
}

/** Replicas at the beginning of a policy's period. */
const before = (current: number, { ups, downs }: History, seconds: number, nowMs: number): number =>
  current - sum(since(ups, seconds, nowMs)) + sum(since(downs, seconds, nowMs));

function highestBy(rules: HPAScalingRules | undefined, current: number, history: History, nowMs: number): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const limits = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = before(current, history, periodSeconds, nowMs);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules?.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function lowestBy(rules: HPAScalingRules | undefined, current: number, history: History, nowMs: number): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const limits = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = before(current, history, periodSeconds, nowMs);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  // The policy of least change leaves the most replicas.
  return rules?.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

/** What no rule can ask for any more is dropped. */
export function remembered(history: History, spec: HorizontalPodAutoscalerSpec, nowMs: number): History {
  const { scaleUp, scaleDown } = spec.behavior ?? {};
  const window = Math.max(scaleUp?.stabilizationWindowSeconds ?? 0, scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_WINDOW_S);
  const period = Math.max(0, ...[...(scaleUp?.policies ?? []), ...(scaleDown?.policies ?? [])].map(({ periodSeconds }) => periodSeconds));
  const keep = (moments: readonly Moment[], seconds: number) => moments.filter(({ atMs }) => atMs >= nowMs - seconds * 1000);
  return {
    recommendations: keep(history.recommendations, window),
    ups: keep(history.ups, period),
    downs: keep(history.downs, period),
  };
}
