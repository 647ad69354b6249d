// The LimitRange kind.
import type { LimitRangeItem } from '../../gen/types/core.v1.ts';
import {
  compareQuantities,
  duplicate,
  forbiddenField,
  invalidValue,
  type KubeObject,
  type Problem,
  parseQuantity,
  qualifiedName,
  required,
  toMilli,
} from '../../meta/index.ts';
import { nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';
import { isOvercommitAllowed, validateContainerResource, validateResourceName } from './resource-names.ts';
import { type ResourceList, roundResources } from './resources.ts';

const itemsOf = (object: KubeObject): LimitRangeItem[] => object['spec']?.limits ?? [];
const LISTS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

function defaultItem(item: LimitRangeItem): void {
  for (const list of LISTS) roundResources(item[list]);
  if (item.type !== 'Container') return;
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length) item.default = limits;
  if (Object.keys(requests).length) item.defaultRequest = requests;
}

const validateName = (type: string, name: string, field: string): Problem[] =>
  type === 'Pod' || type === 'Container' ? validateContainerResource(name, field) : validateResourceName(name, field);

interface Pair {
  name: 'min' | 'default' | 'defaultRequest';
  low: keyof LimitRangeItem;
  high: keyof LimitRangeItem;
  /** Which of the two is quoted. */
  quoted: 'low' | 'high';
  text(low: string, high: string): string;
}

/** Each may not be above the other; in the order in which upstream finds them. */
const pairs: readonly Pair[] = [
  { name: 'min', low: 'min', high: 'max', quoted: 'low', text: (low, high) => `min value ${low} is greater than max value ${high}` },
  {
    name: 'defaultRequest',
    low: 'min',
    high: 'defaultRequest',
    quoted: 'high',
    text: (low, high) => `min value ${low} is greater than default request value ${high}`,
  },
  {
    name: 'defaultRequest',
    low: 'defaultRequest',
    high: 'max',
    quoted: 'low',
    text: (low, high) => `default request value ${low} is greater than max value ${high}`,
  },
  {
    name: 'defaultRequest',
    low: 'defaultRequest',
    high: 'default',
    quoted: 'low',
    text: (low, high) => `default request value ${low} is greater than default limit value ${high}`,
  },
  {
    name: 'default',
    low: 'min',
    high: 'default',
    quoted: 'low',
    text: (low, high) => `min value ${low} is greater than default value ${high}`,
  },
  {
    name: 'default',
    low: 'default',
    high: 'max',
    quoted: 'high',
    text: (low, high) => `default value ${low} is greater than max value ${high}`,
  },
];

function validateResource(item: LimitRangeItem, resource: string, path: string): Problem[] {
  const at = (list: keyof LimitRangeItem): string | undefined => (item[list] as ResourceList | undefined)?.[resource];
  const problems: Problem[] = [];
  for (const { name, low, high, quoted, text } of pairs) {
    const [a, b] = [at(low), at(high)];
    if (a === undefined || b === undefined || compareQuantities(a, b) <= 0) continue;
    problems.push(invalidValue(`${path}.${name}[${resource}]`, quoted === 'low' ? a : b, text(a, b)));
  }
  problems.push(...validateRatio(at('maxLimitRequestRatio'), at('min'), at('max'), `${path}.maxLimitRequestRatio[${resource}]`));
  const [limit, request] = [at('default'), at('defaultRequest')];
  if (!isOvercommitAllowed(resource) && limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0) {
    problems.push(
      invalidValue(
        `${path}.defaultRequest[${resource}]`,
        request,
        `default value ${limit} must equal to defaultRequest value ${request} in ${resource}`,
      ),
    );
  }
  return problems;
}

function validateRatio(ratio: string | undefined, min: string | undefined, max: string | undefined, field: string): Problem[] {
  if (ratio === undefined) return [];
  const problems: Problem[] = [];
  if (compareQuantities(ratio, parseQuantity(1)) < 0) problems.push(invalidValue(field, ratio, `ratio ${ratio} is less than 1`));
  if (min === undefined || max === undefined) return problems;
  const limit = Number(toMilli(max)) / Number(toMilli(min));
  if (Number(toMilli(ratio)) / 1000 > limit)
    problems.push(invalidValue(field, ratio, `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`));
  return problems;
}

function validateItem(item: LimitRangeItem, path: string, seen: Set<string>): Problem[] {
  const problems: Problem[] = [];
  const type = item.type ?? '';
  problems.push(...texts(`${path}.type`, type, qualifiedName(type)));
  if (problems.length === 0 && !type.includes('/') && !['Pod', 'Container', 'PersistentVolumeClaim'].includes(type)) {
    problems.push(invalidValue(`${path}.type`, type, 'must be a standard limit type or fully qualified'));
  }
  if (seen.has(type)) problems.push(duplicate(`${path}.type`, type));
  seen.add(type);
  const names = (list: (typeof LISTS)[number]): Problem[] =>
    Object.keys(item[list] ?? {}).flatMap((name) => validateName(type, name, `${path}.${list}[${name}]`));
  problems.push(...names('max'), ...names('min'));
  if (type === 'Pod') {
    const why = "may not be specified when `type` is 'Pod'";
    if (Object.keys(item.default ?? {}).length) problems.push(forbiddenField(`${path}.default`, why));
    if (Object.keys(item.defaultRequest ?? {}).length) problems.push(forbiddenField(`${path}.defaultRequest`, why));
  } else problems.push(...names('default'), ...names('defaultRequest'));
  if (type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined) {
    problems.push(required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'));
  }
  problems.push(...names('maxLimitRequestRatio'));
  const considered: LimitRangeItem = type === 'Pod' ? { ...item, default: {}, defaultRequest: {} } : item;
  const resources = new Set(LISTS.flatMap((list) => Object.keys(considered[list] ?? {})));
  return [...problems, ...[...resources].sort().flatMap((name) => validateResource(considered, name, path))];
}

export const limitRange: Behaviour = {
  defaults: (object) => itemsOf(object).forEach(defaultItem),
  validate(object) {
    const seen = new Set<string>();
    return itemsOf(object).flatMap((item, at) => validateItem(item, `spec.limits[${at}]`, seen));
  },
  createOnUpdate: true,
  hasGeneration: false,
  columns: [nameColumn, { ...string('Created At', (object) => object.metadata.creationTimestamp ?? '<unknown>'), type: 'date' }],
};
