// admissionregistration.k8s.io/v1 admission policies and their bindings.
import {
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  required,
} from '../../meta/index.ts';
import { ageColumn, count, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { setDefaults, texts } from '../rules.ts';
import { PolicyExpressions } from './expressions.ts';
import { defaultMatching, isSet, validateRule, validateSelectors } from './rules.ts';

function defaultConstraints(part: any): void {
  if (!part) return;
  defaultMatching(part);
  for (const rule of [...(part.resourceRules ?? []), ...(part.excludeResourceRules ?? [])]) setDefaults(rule, { scope: '*' });
}

function validateConstraints(part: any, path: string, rulesNeeded: boolean): Problem[] {
  if (!part) return rulesNeeded ? [required(path)] : [];
  const problems = validateSelectors(part, path);
  for (const list of ['resourceRules', 'excludeResourceRules']) {
    (part[list] ?? []).forEach((rule: any, i: number) => {
      problems.push(...validateRule(rule, `${path}.${list}[${i}]`));
    });
  }
  if (rulesNeeded && !part.resourceRules?.length) problems.push(required(`${path}.resourceRules`));
  if (isSet(part.matchPolicy) && !['Equivalent', 'Exact'].includes(part.matchPolicy)) {
    problems.push(notSupported(`${path}.matchPolicy`, part.matchPolicy, ['Equivalent', 'Exact']));
  }
  return problems;
}

function validateParamKind(kind: any): Problem[] {
  if (!kind) return [];
  return ['apiVersion', 'kind'].filter((name) => !kind[name]).map((name) => required(`spec.paramKind.${name}`));
}

function validateMutations({ mutations, reinvocationPolicy }: any, expressions: PolicyExpressions): Problem[] {
  const problems: Problem[] = [];
  if (!mutations?.length) problems.push(required('spec.mutations', 'mutations must contain at least one item'));
  (mutations ?? []).forEach((mutation: any, i: number) => {
    const path = `spec.mutations[${i}]`;
    const { patchType = '' } = mutation;
    if (patchType !== 'ApplyConfiguration' && patchType !== 'JSONPatch') {
      problems.push(notSupported(`${path}.patchType`, patchType, ['ApplyConfiguration', 'JSONPatch']));
      return;
    }
    const [wanted, other] = patchType === 'JSONPatch' ? ['jsonPatch', 'applyConfiguration'] : ['applyConfiguration', 'jsonPatch'];
    if (!mutation[wanted]) problems.push(required(`${path}.${wanted}`, `must be specified when patchType is ${patchType}`));
    else problems.push(...expressions.mutation(patchType, mutation[wanted].expression ?? '', `${path}.${wanted}`));
    if (mutation[other])
      problems.push(invalidValue(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`));
  });
  if (!reinvocationPolicy) problems.push(required('spec.reinvocationPolicy'));
  else if (reinvocationPolicy !== 'IfNeeded' && reinvocationPolicy !== 'Never') {
    problems.push(notSupported('spec.reinvocationPolicy', reinvocationPolicy, ['IfNeeded', 'Never']));
  }
  return problems;
}

const mutableOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

/** What is deleted cannot be changed. */
const validateMutableOperations = (part: any): Problem[] =>
  (part?.resourceRules ?? []).some((rule: any) => rule.operations?.includes('DELETE'))
    ? [notSupported('spec.matchConstraints.resourceRules.operations', 'DELETE', mutableOperations)]
    : [];

function validatePolicy({ metadata, spec = {} }: KubeObject, list: 'validations' | 'mutations'): Problem[] {
  const problems = [...validateParamKind(spec.paramKind), ...validateConstraints(spec.matchConstraints, 'spec.matchConstraints', true)];
  if (isSet(spec.failurePolicy) && !['Fail', 'Ignore'].includes(spec.failurePolicy)) {
    problems.push(notSupported('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']));
  }
  const expressions = new PolicyExpressions(spec);
  problems.push(...expressions.matchConditions(spec.matchConditions), ...expressions.variables(spec.variables));
  if (list === 'validations') {
    if (!spec.validations?.length && !spec.auditAnnotations?.length) {
      const why = 'validations or auditAnnotations must be non-empty';
      problems.push(required('spec.validations', `${why}: ${why}`), required('spec.auditAnnotations', `${why}: ${why}`));
    }
    (spec.validations ?? []).forEach((validation: any, i: number) => {
      problems.push(...expressions.validation(validation, `spec.validations[${i}]`));
    });
    problems.push(...expressions.auditAnnotations(spec.auditAnnotations, metadata.name ?? ''));
  } else problems.push(...validateMutableOperations(spec.matchConstraints), ...validateMutations(spec, expressions));
  return problems;
}

const paramKindText = ({ spec }: KubeObject): string =>
  spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>';

const policy = (list: 'validations' | 'mutations'): Behaviour => ({
  hasGeneration: true,
  defaults: (object) => {
    if (!object['spec']) return;
    setDefaults(object['spec'], { failurePolicy: 'Fail' });
    defaultConstraints(object['spec'].matchConstraints);
  },
  validate: (object) => validatePolicy(object, list),
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    count(list === 'validations' ? 'Validations' : 'Mutations', ({ spec }) => spec?.[list]?.length),
    string('ParamKind', paramKindText),
    ageColumn,
  ],
});

const actions = ['Audit', 'Deny', 'Warn'];

function validateActions(values: string[]): Problem[] {
  const field = 'spec.validationActions';
  if (values.length === 0) return [required(field, 'at least one validation action is required')];
  const problems: Problem[] = [];
  values.forEach((action, i) => {
    if (!actions.includes(action)) problems.push(notSupported(`${field}[${i}]`, action, actions));
    if (values.indexOf(action) < i) problems.push(duplicate(`${field}[${i}]`, action));
  });
  if (values.includes('Deny') && values.includes('Warn')) {
    const shown = JSON.stringify(values);
    problems.push({
      field,
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${shown}: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)`,
    });
  }
  return problems;
}

function validateParamRef(ref: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!ref.name && !ref.selector) problems.push(required(path, 'one of name or selector must be specified'));
  if (ref.name && ref.selector) {
    for (const part of ['name', 'selector']) problems.push(forbiddenField(`${path}.${part}`, 'name and selector are mutually exclusive'));
  }
  const action = ref.parameterNotFoundAction;
  if (!isSet(action)) return [...problems, required(`${path}.parameterNotFoundAction`)];
  if (action === 'Allow' || action === 'Deny') return problems;
  return [...problems, notSupported(`${path}.parameterNotFoundAction`, action, ['Deny', 'Allow'])];
}

function validateBinding({ spec = {} }: KubeObject, validating: boolean): Problem[] {
  const name: string = spec.policyName ?? '';
  const problems = name === '' ? [required('spec.policyName')] : texts('spec.policyName', name, dns1123Subdomain(name));
  if (spec.paramRef) problems.push(...validateParamRef(spec.paramRef, 'spec.paramRef'));
  problems.push(...validateConstraints(spec.matchResources, 'spec.matchResources', false));
  return validating ? [...problems, ...validateActions(spec.validationActions ?? [])] : problems;
}

function paramRefText({ spec }: KubeObject): string {
  const ref = spec?.paramRef;
  if (!ref) return '<unset>';
  const name = ref.name || '*';
  return ref.namespace ? `${ref.namespace}/${name}` : name;
}

const binding = (validating: boolean): Behaviour => ({
  hasGeneration: true,
  defaults: (object) => {
    defaultConstraints(object['spec']?.matchResources);
  },
  validate: (object) => validateBinding(object, validating),
  unconditionalUpdate: false,
  columns: [nameColumn, string('PolicyName', ({ spec }) => spec?.policyName ?? ''), string('ParamRef', paramRefText), ageColumn],
});

export const validatingAdmissionPolicy = policy('validations');
export const mutatingAdmissionPolicy = policy('mutations');
export const validatingAdmissionPolicyBinding = binding(true);
export const mutatingAdmissionPolicyBinding = binding(false);
