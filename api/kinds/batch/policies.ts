// Pod failure policy and success policy of a Job.
import { duplicate, invalidValue, notSupported, type Problem, qualifiedName, required, tooMany } from '../../meta/index.ts';
import { nonNegative, texts } from '../rules.ts';
import { countIndexes } from './indexes.ts';

const quoted = (values: readonly string[]): string => `valid values: [${values.map((value) => `"${value}"`).join(' ')}]`;

const bare = (field: string, text: string): Problem => ({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${text}` });

function oneOfRequired(field: string, value: unknown, allowed: readonly string[]): Problem[] {
  if (!value) return [required(field, quoted(allowed))];
  return allowed.includes(value as string) ? [] : [notSupported(field, value, allowed)];
}

function validateExitCodes(on: any, path: string, containers: readonly string[]): Problem[] {
  const problems = oneOfRequired(`${path}.operator`, on.operator, ['In', 'NotIn']);
  if (on.containerName !== undefined && on.containerName !== null && !containers.includes(on.containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template';
    problems.push(invalidValue(`${path}.containerName`, on.containerName, why));
  }
  const values: number[] = on.values ?? [];
  if (values.length === 0) problems.push(invalidValue(`${path}.values`, on.values, 'at least one value is required'));
  else if (values.length > 255) problems.push(tooMany(`${path}.values`, values.length, 255));
  values.forEach((value, i) => {
    const field = `${path}.values[${i}]`;
    if (on.operator === 'In' && value === 0) problems.push(invalidValue(field, value, 'must not be 0 for the In operator'));
    if (values.indexOf(value) < i) problems.push(duplicate(field, value));
  });
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) problems.push(invalidValue(`${path}.values`, values, 'must be ordered'));
  return problems;
}

function validateConditions(patterns: any[], path: string): Problem[] {
  const problems = patterns.length > 20 ? [tooMany(path, patterns.length, 20)] : [];
  patterns.forEach((pattern, i) => {
    problems.push(...texts(`${path}[${i}].type`, pattern.type ?? '', qualifiedName(pattern.type ?? '')));
    problems.push(...oneOfRequired(`${path}[${i}].status`, pattern.status, ['False', 'True', 'Unknown']));
  });
  return problems;
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

export function validatePodFailurePolicy(spec: any, path: string): Problem[] {
  const rules: any[] = spec.podFailurePolicy.rules ?? [];
  const { containers, initContainers } = spec.template?.spec ?? {};
  const names: string[] = [...(containers ?? []), ...(initContainers ?? [])].map((container: any) => container.name);
  const problems = rules.length > 20 ? [tooMany(`${path}.rules`, rules.length, 20)] : [];
  rules.forEach((rule, i) => {
    const at = `${path}.rules[${i}]`;
    if (rule.action === 'FailIndex') {
      if (spec.backoffLimitPerIndex === undefined || spec.backoffLimitPerIndex === null) {
        problems.push(invalidValue(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
      }
    } else problems.push(...oneOfRequired(`${at}.action`, rule.action, actions));
    const conditions: any[] = rule.onPodConditions ?? [];
    if (rule.onExitCodes) problems.push(...validateExitCodes(rule.onExitCodes, `${at}.onExitCodes`, names));
    if (conditions.length) problems.push(...validateConditions(conditions, `${at}.onPodConditions`));
    if (rule.onExitCodes && conditions.length) problems.push(bare(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (!rule.onExitCodes && !conditions.length) problems.push(bare(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  });
  return problems;
}

export function validateSuccessPolicy(spec: any, path: string): Problem[] {
  const rules: any[] = spec.successPolicy.rules ?? [];
  const problems: Problem[] = [];
  if (rules.length === 0)
    problems.push(required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > 20) problems.push(tooMany(`${path}.rules`, rules.length, 20));
  for (const [i, rule] of rules.entries()) problems.push(...validateSuccessRule(spec, rule, `${path}.rules[${i}]`));
  return problems;
}

function validateSuccessRule(spec: any, { succeededCount, succeededIndexes }: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined) {
    problems.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  let total = 0;
  if (succeededIndexes !== undefined) {
    const counted = countIndexes(succeededIndexes, spec.completions ?? 0);
    if (typeof counted === 'number') total = counted;
    else problems.push(invalidValue(`${path}.succeededIndexes`, succeededIndexes, `error parsing succeededIndexes: ${counted.problem}`));
  }
  if (succeededCount === undefined) return problems;
  const field = `${path}.succeededCount`;
  problems.push(...nonNegative(field, succeededCount));
  const most = (limit: number, what: string): string => `must be less than or equal to ${limit} (the number of ${what})`;
  if (succeededCount > (spec.completions ?? 0)) {
    problems.push(invalidValue(field, succeededCount, most(spec.completions ?? 0, 'specified completions')));
  }
  if (succeededIndexes !== undefined && succeededCount > total) {
    problems.push(invalidValue(field, succeededCount, most(total, 'indexes in the specified succeededIndexes field')));
  }
  return problems;
}
