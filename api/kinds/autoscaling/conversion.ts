// HorizontalPodAutoscaler between autoscaling/v1 and v2: what v1 has no field for travels in annotations.
import type { KubeObject } from '../../meta/index.ts';
import { defaultMetric } from './hpa.ts';

const prefix = 'autoscaling.alpha.kubernetes.io/';
const names = ['metrics', 'current-metrics', 'behavior', 'conditions'];

/** Keys without a value are left out. */
const compact = (object: Record<string, unknown>): any =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const isCpuUtilization = (metric: any): boolean =>
  metric.type === 'Resource' && metric.resource?.name === 'cpu' && typeof metric.resource.target?.averageUtilization === 'number';

function metricToV1(metric: any): any {
  const { object, pods, resource, containerResource, external } = metric;
  const ofResource = (source: any): any =>
    compact({
      name: source.name,
      targetAverageUtilization: source.target?.averageUtilization,
      targetAverageValue: source.target?.averageValue,
      container: source.container,
    });
  return compact({
    type: metric.type,
    object:
      object &&
      compact({
        target: object.describedObject,
        metricName: object.metric?.name,
        targetValue: object.target?.value ?? '0',
        selector: object.metric?.selector,
        averageValue: object.target?.averageValue,
      }),
    pods:
      pods &&
      compact({ metricName: pods.metric?.name, targetAverageValue: pods.target?.averageValue ?? '0', selector: pods.metric?.selector }),
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external:
      external &&
      compact({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        targetValue: external.target?.value,
        targetAverageValue: external.target?.averageValue,
      }),
  });
}

function targetOf(utilization: unknown, averageValue: unknown, value: unknown): any {
  const type = utilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  return compact({ type, value, averageValue, averageUtilization: utilization });
}

function metricFromV1(metric: any): any {
  const { object, pods, resource, containerResource, external } = metric;
  const ofResource = (source: any): any =>
    compact({
      name: source.name,
      container: source.container,
      target: targetOf(source.targetAverageUtilization, source.targetAverageValue, undefined),
    });
  const identifier = (name: unknown, selector: unknown): any => compact({ name, selector });
  return compact({
    type: metric.type,
    object: object && {
      describedObject: object.target,
      metric: identifier(object.metricName, object.selector),
      target: targetOf(undefined, object.averageValue, object.averageValue === undefined ? object.targetValue : undefined),
    },
    pods: pods && { metric: identifier(pods.metricName, pods.selector), target: targetOf(undefined, pods.targetAverageValue, undefined) },
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external: external && {
      metric: identifier(external.metricName, external.metricSelector),
      target: targetOf(undefined, external.targetAverageValue, external.targetValue),
    },
  });
}

function statusToV1(metric: any): any {
  const { object, pods, resource, containerResource, external } = metric;
  const ofResource = (source: any): any =>
    compact({
      name: source.name,
      currentAverageUtilization: source.current?.averageUtilization,
      currentAverageValue: source.current?.averageValue ?? '0',
      container: source.container,
    });
  return compact({
    type: metric.type,
    object:
      object &&
      compact({
        target: object.describedObject,
        metricName: object.metric?.name,
        currentValue: object.current?.value ?? '0',
        selector: object.metric?.selector,
        averageValue: object.current?.averageValue,
      }),
    pods:
      pods &&
      compact({ metricName: pods.metric?.name, currentAverageValue: pods.current?.averageValue ?? '0', selector: pods.metric?.selector }),
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external:
      external &&
      compact({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        currentValue: external.current?.value ?? '0',
        currentAverageValue: external.current?.averageValue,
      }),
  });
}

function statusFromV1(metric: any): any {
  const { object, pods, resource, containerResource, external } = metric;
  const ofResource = (source: any): any =>
    compact({
      name: source.name,
      container: source.container,
      current: compact({ averageUtilization: source.currentAverageUtilization, averageValue: source.currentAverageValue }),
    });
  const identifier = (name: unknown, selector: unknown): any => compact({ name, selector });
  return compact({
    type: metric.type,
    object: object && {
      describedObject: object.target,
      metric: identifier(object.metricName, object.selector),
      current: compact({ value: object.currentValue, averageValue: object.averageValue }),
    },
    pods: pods && { metric: identifier(pods.metricName, pods.selector), current: { averageValue: pods.currentAverageValue } },
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external: external && {
      metric: identifier(external.metricName, external.metricSelector),
      current: compact({ value: external.currentValue, averageValue: external.currentAverageValue }),
    },
  });
}

/** Undefined: absent, or no JSON (then it is as if it were absent). */
function readAnnotation(annotations: Record<string, string>, name: string): any {
  const text = annotations[prefix + name];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withoutOurs(metadata: KubeObject['metadata']): Record<string, string> {
  const kept = { ...metadata.annotations };
  for (const name of names) delete kept[prefix + name];
  return kept;
}

function withAnnotations(object: KubeObject, annotations: Record<string, string>): KubeObject['metadata'] {
  const { annotations: _, ...metadata } = object.metadata;
  return Object.keys(annotations).length ? { ...metadata, annotations } : metadata;
}

export function toV2(object: KubeObject): KubeObject {
  const annotations = object.metadata.annotations ?? {};
  const { targetCPUUtilizationPercentage: target, ...spec } = object['spec'] ?? {};
  const { currentCPUUtilizationPercentage: current, ...status } = object['status'] ?? {};
  const own =
    target === undefined
      ? []
      : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }];
  const others = readAnnotation(annotations, 'metrics');
  const metrics = [...(Array.isArray(others) ? others.map(metricFromV1) : []), ...own];
  const behavior = readAnnotation(annotations, 'behavior');
  const currentMetrics = readAnnotation(annotations, 'current-metrics');
  const conditions = readAnnotation(annotations, 'conditions');
  const ownStatus =
    current === undefined ? undefined : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }];
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(object, withoutOurs(object.metadata)),
    spec: compact({ ...spec, metrics: metrics.length ? metrics : [defaultMetric()], behavior: behavior ?? undefined }),
    status: compact({
      desiredReplicas: 0,
      ...status,
      currentMetrics: Array.isArray(currentMetrics) ? currentMetrics.map(statusFromV1) : ownStatus,
      conditions: Array.isArray(conditions) ? conditions : undefined,
    }),
  };
}

export function toV1(object: KubeObject): KubeObject {
  const annotations = withoutOurs(object.metadata);
  const { metrics: written, behavior, ...spec } = object['spec'] ?? {};
  const { currentMetrics: current, conditions, ...status } = object['status'] ?? {};
  const metrics: any[] = written ?? [];
  const currentMetrics: any[] = current ?? [];
  const cpu = metrics.find(isCpuUtilization);
  const others = metrics.filter((metric: any) => !isCpuUtilization(metric));
  if (others.length) annotations[`${prefix}metrics`] = JSON.stringify(others.map(metricToV1));
  if (currentMetrics.length) annotations[`${prefix}current-metrics`] = JSON.stringify(currentMetrics.map(statusToV1));
  if (behavior) annotations[`${prefix}behavior`] = JSON.stringify(goBehavior(behavior));
  if (conditions?.length) annotations[`${prefix}conditions`] = JSON.stringify(conditions);
  const cpuStatus = currentMetrics.find((metric: any) => metric.type === 'Resource' && metric.resource?.name === 'cpu');
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(object, annotations),
    spec: compact({ ...spec, targetCPUUtilizationPercentage: cpu?.resource.target.averageUtilization }),
    status: compact({
      currentReplicas: 0,
      desiredReplicas: 0,
      ...status,
      currentCPUUtilizationPercentage: cpuStatus?.resource.current?.averageUtilization,
    }),
  };
}

/** The annotation is the server's inner form: Go's field names, every field there. */
function goBehavior(behavior: any): any {
  const rules = (from: any): any =>
    from && {
      StabilizationWindowSeconds: from.stabilizationWindowSeconds ?? null,
      SelectPolicy: from.selectPolicy ?? null,
      Policies: (from.policies ?? []).map((policy: any) => ({
        Type: policy.type,
        Value: policy.value,
        PeriodSeconds: policy.periodSeconds,
      })),
      Tolerance: from.tolerance ?? null,
    };
  return { ScaleUp: rules(behavior.scaleUp) ?? null, ScaleDown: rules(behavior.scaleDown) ?? null };
}
