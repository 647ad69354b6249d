// Rules and clients of webhooks, and what policies share with them.
import {
  dns1123Subdomain,
  inclusiveRange,
  invalidValue,
  notSupported,
  type Problem,
  qualifiedName,
  required,
  validateLabelSelector,
} from '../../meta/index.ts';
import { setDefaults, texts } from '../rules.ts';

export const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** `a`, `*`; `*` alone when it is there. */
function wildcardAlone(values: string[] | undefined, field: string, what: string): Problem[] {
  if (!values?.length) return [required(field)];
  return values.includes('*') && values.length > 1
    ? [invalidValue(field, values, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateResources(resources: string[] | undefined, field: string): Problem[] {
  if (!resources?.length) return [required(field)];
  const problems: Problem[] = [];
  const has = (name: string): boolean => resources.includes(name);
  resources.forEach((resource, i) => {
    if (resource === '') problems.push(required(`${field}[${i}]`));
    const [name, sub] = resource.split('/');
    if (sub !== undefined && name !== '*' && sub !== '*' && has(`${name}/*`)) {
      problems.push(invalidValue(`${field}[${i}]`, resource, `if '${name}/*' is present, must not specify ${resource}`));
    }
  });
  if (has('*/*') && resources.length > 1) {
    problems.push(invalidValue(field, resources, "if '*/*' is present, must not specify other resources"));
  }
  const plain = resources.filter((resource) => !resource.includes('/'));
  if (plain.includes('*') && plain.length > 1) {
    problems.push(invalidValue(field, resources, "if '*' is present, must not specify other resources without subresources"));
  }
  return problems;
}

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

export function validateRule(rule: any, path: string): Problem[] {
  const problems = wildcardAlone(rule.operations, `${path}.operations`, 'operations');
  (rule.operations ?? []).forEach((operation: string, i: number) => {
    if (!operations.includes(operation)) problems.push(notSupported(`${path}.operations[${i}]`, operation, operations));
  });
  problems.push(...wildcardAlone(rule.apiGroups, `${path}.apiGroups`, 'API groups'));
  problems.push(...wildcardAlone(rule.apiVersions, `${path}.apiVersions`, 'API versions'));
  problems.push(...validateResources(rule.resources, `${path}.resources`));
  if (isSet(rule.scope) && !scopes.includes(rule.scope)) problems.push(notSupported(`${path}.scope`, rule.scope, scopes));
  return problems;
}

function validateUrl(text: string, field: string): Problem[] {
  const form = 'desired format: https://host[/path]';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return [required(field, `url must be a valid URL: parse ${JSON.stringify(text)}; ${form}`)];
  }
  const problems: Problem[] = [];
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'https') problems.push(invalidValue(field, scheme, `'https' is the only allowed URL scheme; ${form}`));
  if (url.host === '') problems.push(invalidValue(field, url.host, `host must be specified; ${form}`));
  if (url.username !== '') problems.push(invalidValue(field, url.username, 'user information is not permitted in the URL'));
  if (url.hash !== '') problems.push(invalidValue(field, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search !== '') problems.push(invalidValue(field, url.search.slice(1), 'query parameters are not permitted in the URL'));
  return problems;
}

function validateService(service: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!service.name) problems.push(required(`${path}.name`, 'service name is required'));
  if (!service.namespace) problems.push(required(`${path}.namespace`, 'service namespace is required'));
  const { port, path: url } = service;
  if (isSet(port) && (port < 1 || port > 65535)) {
    problems.push(invalidValue(`${path}.port`, port, `port is not valid: ${inclusiveRange(1, 65535)}`));
  }
  if (!isSet(url) || url === '' || url === '/') return problems;
  const field = `${path}.path`;
  if (!url.startsWith('/')) problems.push(invalidValue(field, url, "must start with a '/'"));
  const steps = url.slice(1).split('/');
  if (steps.length > 1 && steps.at(-1) === '') steps.pop();
  steps.forEach((step: string, i: number) => {
    if (step === '') problems.push(invalidValue(field, url, `segment[${i}] may not be empty`));
    else for (const text of dns1123Subdomain(step)) problems.push(invalidValue(field, url, `segment[${i}]: ${text}`));
  });
  return problems;
}

export function validateClient(client: any, path: string): Problem[] {
  const { url, service } = client ?? {};
  if (isSet(url) === isSet(service)) return [required(path, 'exactly one of url or service is required')];
  return isSet(url) ? validateUrl(url, `${path}.url`) : validateService(service, `${path}.service`);
}

/** `compiles`: why an expression is none, for those that are compiled here. */
export function validateMatchConditions(
  conditions: any[] | undefined,
  path: string,
  compiles: (expression: string) => string | undefined = () => undefined,
): Problem[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap(({ name = '', expression = '' }, i) => {
    const at = `${path}[${i}]`;
    const problems: Problem[] = [];
    if (expression.trim() === '') problems.push(required(`${at}.expression`));
    else {
      const why = compiles(expression);
      if (why !== undefined) problems.push(invalidValue(`${at}.expression`, expression, why));
    }
    if (name === '') problems.push(required(`${at}.name`));
    else problems.push(...texts(`${at}.name`, name, qualifiedName(name)));
    if (name !== '' && seen.has(name))
      problems.push({ field: `${at}.name`, reason: 'FieldValueDuplicate', message: `Duplicate value: "${name}"` });
    seen.add(name);
    return problems;
  });
}

/** Selectors that are absent select everything; rules apply to any scope. */
export function defaultMatching(part: any): void {
  setDefaults(part, { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} });
}

export function validateSelectors(part: any, path: string): Problem[] {
  return [
    ...validateLabelSelector(part.namespaceSelector, `${path}.namespaceSelector`),
    ...validateLabelSelector(part.objectSelector, `${path}.objectSelector`),
  ];
}
