// A Job's spec, also inside a CronJob: defaults and checks.
import { at, invalidValue, notSupported, type Problem, required, tooLong } from '../../meta/index.ts';
import { childOf, domainPrefixedPath, nonNegative, nonNegativeFields, setDefaults } from '../rules.ts';
import { defaultTemplate, validateTemplate } from '../template.ts';
import { validatePodFailurePolicy, validateSuccessPolicy } from './policies.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** Of a stored Job; a CronJob's template keeps what its author wrote but for the pods' part. */
export function defaultJobSpec(object: any): void {
  const spec = childOf(object, 'spec');
  if (!isSet(spec.completions) && !isSet(spec.parallelism)) spec.completions = 1;
  setDefaults(spec, {
    parallelism: 1,
    backoffLimit: isSet(spec.backoffLimitPerIndex) ? 2147483647 : 6,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed',
    manualSelector: false,
  });
  defaultJobPods(spec);
}

export function defaultJobPods(spec: any): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) setDefaults(pattern, { status: 'True' });
  }
  defaultTemplate(spec.template);
}

function validateManagedBy(value: string, field: string): Problem[] {
  return [...domainPrefixedPath(field, value), ...(value.length > 63 ? [tooLong(field, 63)] : [])];
}

const highCompletions = 100_000;
const highLimit = 10_000;

function validateIndexed(spec: any, path: string): Problem[] {
  const problems: Problem[] = [];
  const { completions, parallelism, maxFailedIndexes } = spec;
  const above = (name: string, limit: number, text: string): void => {
    if (isSet(spec[name]) && spec[name] > limit) problems.push(invalidValue(at(path, name), spec[name], text));
  };
  if (!isSet(completions)) problems.push(required(at(path, 'completions'), 'when completion mode is Indexed'));
  above('parallelism', 100_000, 'must be less than or equal to 100000 when completion mode is Indexed');
  if (isSet(completions)) above('maxFailedIndexes', completions, 'must be less than or equal to completions');
  above('maxFailedIndexes', 100_000, 'must be less than or equal to 100000');
  if (!isSet(completions) || completions <= highCompletions || !isSet(spec.backoffLimitPerIndex)) return problems;
  if (!isSet(maxFailedIndexes)) {
    problems.push(required(at(path, 'maxFailedIndexes'), `must be specified when completions is above ${highCompletions}`));
  }
  const text = `must be less than or equal to ${highLimit} when completions are above ${highCompletions} and used with backoff limit per index`;
  if (isSet(parallelism)) above('parallelism', highLimit, text);
  above('maxFailedIndexes', highLimit, text);
  return problems;
}

function validateCompletionMode(spec: any, path: string): Problem[] {
  const mode = spec.completionMode;
  const problems: Problem[] = [];
  if (isSet(mode) && mode !== 'NonIndexed' && mode !== 'Indexed') {
    problems.push(notSupported(at(path, 'completionMode'), mode, ['NonIndexed', 'Indexed']));
  }
  if (mode === 'Indexed') problems.push(...validateIndexed(spec, path));
  if (!isSet(mode) || mode === 'NonIndexed') {
    for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes']) {
      if (isSet(spec[name])) problems.push(invalidValue(at(path, name), spec[name], 'requires indexed completion mode'));
    }
  }
  return problems;
}

function validateRestartPolicy(spec: any, path: string): Problem[] {
  const policy = spec.template?.spec?.restartPolicy;
  const field = at(path, 'template.spec.restartPolicy');
  if (policy === 'Always' || !policy) return [required(field, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(field, policy, ['OnFailure', 'Never'])];
  if (spec.podFailurePolicy && policy !== 'Never') {
    return [invalidValue(field, policy, 'only "Never" is supported when podFailurePolicy is specified')];
  }
  return [];
}

/** `path`: `spec` or `spec.jobTemplate.spec`. The selector is the Job's own matter. */
export function validateJobSpec(spec: any, path: string, oldTemplate?: any): Problem[] {
  const problems = nonNegativeFields(spec, path, [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
  ]);
  if (isSet(spec.maxFailedIndexes)) {
    problems.push(...nonNegative(at(path, 'maxFailedIndexes'), spec.maxFailedIndexes));
    if (!isSet(spec.backoffLimitPerIndex)) problems.push(required(at(path, 'backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  }
  if (isSet(spec.managedBy)) problems.push(...validateManagedBy(spec.managedBy, at(path, 'managedBy')));
  problems.push(...validateCompletionMode(spec, path));
  if (spec.podFailurePolicy) problems.push(...validatePodFailurePolicy(spec, at(path, 'podFailurePolicy')));
  if (spec.successPolicy) {
    const field = at(path, 'successPolicy');
    if (spec.completionMode === 'Indexed') problems.push(...validateSuccessPolicy(spec, field));
    else problems.push(invalidValue(field, spec.successPolicy, 'requires indexed completion mode'));
  }
  const replacement = spec.podReplacementPolicy;
  if (isSet(replacement)) {
    const allowed = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
    if (!allowed.includes(replacement)) problems.push(notSupported(at(path, 'podReplacementPolicy'), replacement, allowed));
  }
  problems.push(...validateTemplate(spec.template, at(path, 'template'), oldTemplate));
  return [...problems, ...validateRestartPolicy(spec, path)];
}
