// admissionregistration.k8s.io/v1 MutatingWebhookConfiguration and ValidatingWebhookConfiguration.
import { admissionEnvironment, BOOL, compileExpression, type Environment } from '../../cel/index.ts';
import {
  dns1035Label,
  dns1123Subdomain,
  duplicate,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  required,
} from '../../meta/index.ts';
import { ageColumn, count, nameColumn } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { setDefaults, texts } from '../rules.ts';
import { defaultMatching, isSet, validateClient, validateMatchConditions, validateRule, validateSelectors } from './rules.ts';

function fullyQualified(field: string, name: string): Problem[] {
  if (name === '') return [required(field)];
  const wrong = dns1123Subdomain(name);
  if (wrong.length) return [invalidValue(field, name, wrong.join(','))];
  return name.split('.').length < 3 ? [invalidValue(field, name, 'should be a domain with at least three segments separated by dots')] : [];
}

function validateReviewVersions(versions: string[], field: string): Problem[] {
  if (versions.length === 0) return [required(field, 'must specify one of v1, v1beta1')];
  const problems: Problem[] = [];
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) problems.push(invalidValue(`${field}[${i}]`, version, 'duplicate version'));
    else problems.push(...texts(`${field}[${i}]`, version, dns1035Label(version)));
  });
  return versions.some((version) => version === 'v1' || version === 'v1beta1')
    ? problems
    : [...problems, invalidValue(field, versions, 'must include at least one of v1, v1beta1')];
}

function validateWebhook(webhook: any, path: string, mutating: boolean): Problem[] {
  const problems = fullyQualified(`${path}.name`, webhook.name ?? '');
  (webhook.rules ?? []).forEach((rule: any, i: number) => {
    problems.push(...validateRule(rule, `${path}.rules[${i}]`));
  });
  const oneOf = (name: string, allowed: string[]): void => {
    if (isSet(webhook[name]) && !allowed.includes(webhook[name])) problems.push(notSupported(`${path}.${name}`, webhook[name], allowed));
  };
  oneOf('failurePolicy', ['Fail', 'Ignore']);
  oneOf('matchPolicy', ['Equivalent', 'Exact']);
  if (!isSet(webhook.sideEffects)) problems.push(required(`${path}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
  else oneOf('sideEffects', ['None', 'NoneOnDryRun']);
  const timeout = webhook.timeoutSeconds;
  if (isSet(timeout) && (timeout < 1 || timeout > 30)) {
    problems.push(invalidValue(`${path}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds'));
  }
  problems.push(...validateSelectors(webhook, path), ...validateClient(webhook.clientConfig, `${path}.clientConfig`));
  problems.push(...validateReviewVersions(webhook.admissionReviewVersions ?? [], `${path}.admissionReviewVersions`));
  if (mutating) oneOf('reinvocationPolicy', ['IfNeeded', 'Never']);
  return [...problems, ...validateMatchConditions(webhook.matchConditions, `${path}.matchConditions`, problemOf)];
}

let environment: Environment | undefined;

/** Why an expression is no condition. The environment is made with the first. */
function problemOf(expression: string): string | undefined {
  environment ??= admissionEnvironment({ authorizer: true });
  return compileExpression(environment, expression, [BOOL]).problem;
}

function validate(object: KubeObject, mutating: boolean): Problem[] {
  const webhooks: any[] = object['webhooks'] ?? [];
  const problems: Problem[] = [];
  webhooks.forEach((webhook, i) => {
    problems.push(...validateWebhook(webhook, `webhooks[${i}]`, mutating));
    if (webhook.name && webhooks.findIndex((other) => other.name === webhook.name) < i) {
      problems.push(duplicate(`webhooks[${i}].name`, webhook.name));
    }
  });
  return problems;
}

function defaults(object: KubeObject, mutating: boolean): void {
  for (const webhook of object['webhooks'] ?? []) {
    setDefaults(webhook, { failurePolicy: 'Fail', timeoutSeconds: 10, ...(mutating ? { reinvocationPolicy: 'Never' } : {}) });
    defaultMatching(webhook);
    for (const rule of webhook.rules ?? []) setDefaults(rule, { scope: '*' });
    if (webhook.clientConfig?.service) setDefaults(webhook.clientConfig.service, { port: 443 });
  }
}

const configuration = (mutating: boolean): Behaviour => ({
  hasGeneration: true,
  generationFields: ['webhooks'],
  defaults: (object) => defaults(object, mutating),
  validate: (object) => validate(object, mutating),
  unconditionalUpdate: false,
  columns: [nameColumn, count('Webhooks', (object) => object['webhooks']?.length), ageColumn],
});

export const mutatingWebhookConfiguration = configuration(true);
export const validatingWebhookConfiguration = configuration(false);
