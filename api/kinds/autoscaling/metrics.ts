// Metrics of a HorizontalPodAutoscaler (v2): checks and the text of its table column.
import {
  canonicalQuantity,
  dns1123Label,
  forbiddenField,
  invalidValue,
  notSupported,
  type Problem,
  parseApiVersion,
  pathSegment,
  quantitySign,
  required,
} from '../../meta/index.ts';
import { texts } from '../rules.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** A reference to a kind; `coreAllowed`: an apiVersion without a group is fine. */
export function validateReference(ref: any, path: string, coreAllowed: boolean, oldApiVersion?: string): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['kind', 'name']) {
    if (!ref?.[name]) problems.push(required(`${path}.${name}`));
    else problems.push(...texts(`${path}.${name}`, ref[name], pathSegment(ref[name])));
  }
  const version: string = ref?.apiVersion ?? '';
  if (oldApiVersion !== undefined && oldApiVersion === version) return problems;
  const slashes = version.split('/').length - 1;
  if (slashes > 1) problems.push(invalidValue(`${path}.apiVersion`, version, `unexpected GroupVersion string: ${version}`));
  else if (!coreAllowed && parseApiVersion(version).group === '') {
    problems.push(invalidValue(`${path}.apiVersion`, version, 'apiVersion must specify API group'));
  }
  return problems;
}

function validateTarget(target: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!target?.type) problems.push(required(`${path}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(target?.type)) {
    problems.push(invalidValue(`${path}.type`, target?.type ?? '', 'must be either Utilization, Value, or AverageValue'));
  }
  for (const name of ['value', 'averageValue']) {
    const value = target?.[name];
    if (isSet(value) && quantitySign(value) !== 1)
      problems.push(invalidValue(`${path}.${name}`, canonicalQuantity(value), 'must be positive'));
  }
  const utilization = target?.averageUtilization;
  if (isSet(utilization) && utilization < 1) {
    problems.push(invalidValue(`${path}.averageUtilization`, utilization, 'must be greater than 0'));
  }
  return problems;
}

function validateIdentifier(metric: any, path: string): Problem[] {
  if (!metric?.name) return [required(`${path}.name`, 'must specify a metric name')];
  return texts(`${path}.name`, metric.name, pathSegment(metric.name));
}

/** What a target of each source must have, and may not have. */
function validateResourceTarget(target: any, path: string): Problem[] {
  const problems = validateTarget(target, path);
  const [utilization, value] = [isSet(target?.averageUtilization), isSet(target?.averageValue)];
  if (!utilization && !value) {
    problems.push(required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization'));
  }
  if (utilization && value) {
    problems.push(forbiddenField(`${path}.averageValue`, 'may not set both a target raw value and a target utilization'));
  }
  return problems;
}

type Source = (source: any, path: string) => Problem[];

const sources: Readonly<Record<string, Source>> = {
  object: (source, path) => {
    const { target } = source;
    const problems = [
      ...validateReference(source.describedObject, `${path}.describedObject`, true),
      ...validateIdentifier(source.metric, `${path}.metric`),
      ...validateTarget(target, `${path}.target`),
    ];
    if (!isSet(target?.value) && !isSet(target?.averageValue)) {
      problems.push(required(`${path}.target.averageValue`, 'must set either a target value or averageValue'));
    }
    return problems;
  },
  external: (source, path) => {
    const { target } = source;
    const problems = [...validateIdentifier(source.metric, `${path}.metric`), ...validateTarget(target, `${path}.target`)];
    const [value, average] = [isSet(target?.value), isSet(target?.averageValue)];
    if (!value && !average) {
      problems.push(required(`${path}.target.averageValue`, 'must set either a target value for metric or a per-pod target'));
    }
    if (value && average) {
      problems.push(forbiddenField(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target'));
    }
    return problems;
  },
  pods: (source, path) => {
    const problems = [...validateIdentifier(source.metric, `${path}.metric`), ...validateTarget(source.target, `${path}.target`)];
    if (!isSet(source.target?.averageValue)) {
      problems.push(required(`${path}.target.averageValue`, 'must specify a positive target averageValue'));
    }
    return problems;
  },
  resource: (source, path) => [
    ...(source.name ? [] : [required(`${path}.name`, 'must specify a resource name')]),
    ...validateResourceTarget(source.target, `${path}.target`),
  ],
  containerResource: (source, path) => [
    ...(source.name ? [] : [required(`${path}.name`, 'must specify a resource name')]),
    ...(source.container
      ? texts(`${path}.container`, source.container, dns1123Label(source.container))
      : [required(`${path}.container`, 'must specify a container')]),
    ...validateResourceTarget(source.target, `${path}.target`),
  ],
};

const types: Readonly<Record<string, string>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function validateMetric(metric: any, path: string): Problem[] {
  const problems: Problem[] = [];
  const type: string = metric.type ?? '';
  const expected = types[type];
  const unknown = notSupported(`${path}.type`, type, Object.keys(types));
  if (type === '') problems.push(required(`${path}.type`, 'must specify a metric source type'));
  if (expected === undefined) problems.push(unknown);
  const present = Object.keys(sources).filter((name) => isSet(metric[name]));
  if (present[0] !== undefined) problems.push(...sources[present[0]]!(metric[present[0]], `${path}.${present[0]}`));
  if (expected === undefined) problems.push(unknown);
  else if (!present.includes(expected)) {
    problems.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  }
  if (present.length !== 1) {
    for (const name of present) {
      if (name !== expected) problems.push(forbiddenField(`${path}.${name}`, 'must populate the given metric source only'));
    }
  }
  return problems;
}

export function validateMetrics(metrics: any[], path: string, minReplicas: number | undefined): Problem[] {
  const problems = metrics.flatMap((metric, i) => validateMetric(metric, `${path}[${i}]`));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    problems.push(forbiddenField(path, 'must specify at least one Object or External metric to support scaling to zero replicas'));
  }
  return problems;
}

function metricText(metric: any, status: any): string {
  const name = types[metric.type];
  if (name === undefined) return '<unknown type>';
  const target = metric[name]?.target ?? {};
  const current = status?.[name]?.current;
  const unknown = '<unknown>';
  if (name === 'pods') return `${current?.averageValue ?? unknown}/${target.averageValue}`;
  if (name === 'external' || name === 'object') {
    if (isSet(target.averageValue)) return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
    return `${current?.value ?? unknown}/${target.value}`;
  }
  const resource = metric[name].name;
  if (isSet(target.averageValue)) return `${resource}: ${current?.averageValue ?? unknown}/${target.averageValue}`;
  const now = isSet(current?.averageUtilization) ? `${current.averageUtilization}%` : unknown;
  return `${resource}: ${now}/${isSet(target.averageUtilization) ? `${target.averageUtilization}%` : '<auto>'}`;
}

/** `cpu: 10%/80%, 5/10 (avg) + 1 more...` */
export function metricsText(metrics: any[] | undefined, statuses: any[] | undefined): string {
  if (!metrics?.length) return '<none>';
  const shown = metrics.slice(0, 2).map((metric, i) => metricText(metric, statuses?.[i]));
  return metrics.length > 2 ? `${shown.join(', ')} + ${metrics.length - 2} more...` : shown.join(', ');
}
