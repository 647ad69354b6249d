// The ResourceQuota kind.
import type { ResourceQuota, ScopedResourceSelectorRequirement } from '../../gen/types/core.v1.ts';
import { deepEqual, invalidValue, type KubeObject, type Problem, quantitySign, required, toMilli } from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { isIntegerResource, isStandardQuotaResource, validateQuotaResource } from './resource-names.ts';
import { type ResourceList, roundResources } from './resources.ts';

const quotaOf = (object: KubeObject): ResourceQuota => object as unknown as ResourceQuota;
const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];

function validateList(list: ResourceList | undefined, path: string): Problem[] {
  return Object.entries(list ?? {}).flatMap(([name, amount]) => {
    const field = `${path}[${name}]`;
    const problems = validateQuotaResource(name, field);
    if (quantitySign(amount) < 0) problems.push(invalidValue(field, amount, 'must be greater than or equal to 0'));
    if (isIntegerResource(name) && toMilli(amount) % 1000n !== 0n) problems.push(invalidValue(field, amount, 'must be an integer'));
    return problems;
  });
}

const podResources = new Set(['pods', 'cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** Which resources a scope can hold. */
function fits(scope: string, resource: string): boolean {
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass') return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
  if (['Terminating', 'NotTerminating', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'].includes(scope))
    return podResources.has(resource);
  return true;
}

function validateScopeNames(scopes: string[], hard: ResourceList, path: string): Problem[] {
  const all = new Set(scopes);
  const problems = scopes.flatMap((scope) => {
    if (!SCOPES.includes(scope)) return [invalidValue(path, scopes, 'unsupported scope')];
    const bad = Object.keys(hard).some((resource) => isStandardQuotaResource(resource) && !fits(scope, resource));
    return bad ? [invalidValue(path, scopes, 'unsupported scope applied to resource')] : [];
  });
  for (const [a, b] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if (all.has(a) && all.has(b)) problems.push(invalidValue(path, scopes, 'conflicting scopes'));
  }
  return problems;
}

function validateExpression({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, path: string): Problem[] {
  const problems: Problem[] = [];
  const only = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
  if (only.includes(scopeName) && operator !== 'Exists')
    problems.push(
      invalidValue(
        `${path}.operator`,
        operator,
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      problems.push(required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length)
      problems.push(
        invalidValue(`${path}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"),
      );
  } else problems.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  return problems;
}

function validateSpec({ spec = {} }: ResourceQuota): Problem[] {
  const hard = spec.hard ?? {};
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  const path = 'spec.scopeSelector.matchExpressions';
  return [
    ...validateList(hard, 'spec.hard'),
    ...(spec.scopes?.length ? validateScopeNames(spec.scopes, hard, 'spec.scopes') : []),
    ...(spec.scopeSelector ? expressions.flatMap((one) => validateExpression(one, path)) : []),
    ...(expressions.length
      ? validateScopeNames(
          expressions.map((one) => one.scopeName),
          hard,
          path,
        )
      : []),
  ];
}

/** `pods: 1/10, requests.cpu: 1/2`; limits are a column of their own. */
function usage({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .sort()
    .filter((name) => name.startsWith('limits.') === limits)
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name]}`)
    .join(', ');
}

export const resourceQuota: Behaviour = {
  defaults(object) {
    for (const list of [object['spec']?.hard, object['status']?.hard, object['status']?.used]) roundResources(list);
  },
  prepareForCreate(object) {
    object['status'] = {};
  },
  validate: (object) => validateSpec(quotaOf(object)),
  validateUpdate(object, old) {
    const same = deepEqual([...(object['spec']?.scopes ?? [])].sort(), [...(old['spec']?.scopes ?? [])].sort());
    return same ? [] : [invalidValue('spec.scopes', object['spec']?.scopes ?? null, 'field is immutable')];
  },
  validateSubresource: {
    status: (object) => [...validateList(object['status']?.hard, 'status.hard'), ...validateList(object['status']?.used, 'status.used')],
  },
  hasGeneration: false,
  columns: [
    nameColumn,
    string('Request', (object) => usage(quotaOf(object), false)),
    string('Limit', (object) => usage(quotaOf(object), true)),
    ageColumn,
  ],
};
