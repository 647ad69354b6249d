// networking.k8s.io/v1 Ingress and IngressClass.
import {
  dns1123Label,
  dns1123Subdomain,
  forbiddenField,
  invalidValue,
  isIp,
  type KubeObject,
  notSupported,
  type Problem,
  pathSegment,
  portName,
  portNumber,
  required,
  tooLong,
  wildcardSubdomain,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { domainPrefixedPath, immutable, setDefaults, texts } from '../rules.ts';

const classAnnotation = 'kubernetes.io/ingress.class';
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** A kind and a name in some group; `path` is where they stand. */
function validateReference(ref: any, path: string): Problem[] {
  const problems = typeof ref.apiGroup === 'string' ? texts(`${path}.apiGroup`, ref.apiGroup, dns1123Subdomain(ref.apiGroup)) : [];
  for (const name of ['kind', 'name']) {
    if (!ref[name]) problems.push(required(`${path}.${name}`));
    else problems.push(...texts(`${path}.${name}`, ref[name], pathSegment(ref[name])));
  }
  return problems;
}

function validateBackend(backend: any, path: string): Problem[] {
  if (backend?.resource && backend.service) return [invalidValue(path, '', 'cannot set both resource and service backends')];
  if (backend?.resource) return validateReference(backend.resource, `${path}.resource`);
  if (!backend?.service) return [invalidValue(path, '', 'resource or service backend is required')];
  const { name, port = {} } = backend.service;
  const problems = name ? texts(`${path}.service.name`, name, dns1123Label(name)) : [required(`${path}.service.name`)];
  if (port.name && port.number) problems.push(invalidValue(path, '', 'cannot set both port name & port number'));
  else if (port.name) problems.push(...texts(`${path}.service.port.name`, port.name, portName(port.name)));
  else if (port.number) problems.push(...texts(`${path}.service.port.number`, port.number, portNumber(port.number)));
  else problems.push(required(path, 'port name or number is required'));
  return problems;
}

function validatePath(entry: any, path: string): Problem[] {
  const { pathType: type, path: url = '' } = entry;
  if (!type) return [required(`${path}.pathType`, 'pathType must be specified')];
  const problems: Problem[] = [];
  const field = `${path}.path`;
  const relative = invalidValue(field, url, 'must be an absolute path');
  if (type === 'Exact' || type === 'Prefix') {
    if (!url.startsWith('/')) problems.push(relative);
    for (const part of ['//', '/./', '/../', '%2f', '%2F']) {
      if (url.includes(part)) problems.push(invalidValue(field, url, `must not contain '${part}'`));
    }
    for (const end of ['/..', '/.']) if (url.endsWith(end)) problems.push(invalidValue(field, url, `cannot end with '${end}'`));
  } else if (type === 'ImplementationSpecific') {
    if (url !== '' && !url.startsWith('/')) problems.push(relative);
  } else problems.push(notSupported(`${path}.pathType`, type, ['Exact', 'ImplementationSpecific', 'Prefix']));
  return [...problems, ...validateBackend(entry.backend, `${path}.backend`)];
}

const hostProblems = (field: string, host: string): Problem[] =>
  texts(field, host, host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host));

const notIp = (field: string, host: string): Problem[] =>
  isIp(host) ? [invalidValue(field, host, 'must be a DNS name, not an IP address')] : [];

function validateRule(rule: any, path: string): Problem[] {
  const host: string = rule.host ?? '';
  const problems = host === '' ? [] : [...notIp(`${path}.host`, host), ...hostProblems(`${path}.host`, host)];
  if (!rule.http) return problems;
  const paths: any[] = rule.http.paths ?? [];
  if (paths.length === 0) problems.push(required(`${path}.http.paths`));
  return [...problems, ...paths.flatMap((entry, i) => validatePath(entry, `${path}.http.paths[${i}]`))];
}

function validateTls(tls: any, path: string): Problem[] {
  const problems = (tls.hosts ?? []).flatMap((host: string, i: number) => hostProblems(`${path}.hosts[${i}]`, host));
  if (tls.secretName) problems.push(...texts(`${path}.secretName`, tls.secretName, dns1123Subdomain(tls.secretName)));
  return problems;
}

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const spec = object['spec'] ?? {};
  const rules: any[] = spec.rules ?? [];
  const problems: Problem[] = [];
  if (rules.length === 0 && !spec.defaultBackend) {
    problems.push(invalidValue('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend) problems.push(...validateBackend(spec.defaultBackend, 'spec.defaultBackend'));
  problems.push(...rules.flatMap((rule, i) => validateRule(rule, `spec.rules[${i}]`)));
  problems.push(...(spec.tls ?? []).flatMap((tls: any, i: number) => validateTls(tls, `spec.tls[${i}]`)));
  const name = spec.ingressClassName;
  if (typeof name === 'string') problems.push(...texts('spec.ingressClassName', name, dns1123Subdomain(name)));
  const annotated = object.metadata.annotations?.[classAnnotation];
  if (!old && annotated !== undefined && typeof name === 'string' && annotated !== name) {
    const why = 'must match `ingressClassName` when both are specified';
    problems.push(invalidValue(`annotations.${classAnnotation}`, annotated, why));
  }
  return problems;
}

function validateStatus({ status }: KubeObject): Problem[] {
  const ingress: any[] = status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap(({ ip, hostname }, i) => {
    const path = `status.loadBalancer.ingress[${i}]`;
    const problems =
      ip && !isIp(ip) ? [invalidValue(`${path}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')] : [];
    if (hostname) problems.push(...texts(`${path}.hostname`, hostname, dns1123Subdomain(hostname)), ...notIp(`${path}.hostname`, hostname));
    return problems;
  });
}

function hostsText(rules: any[] = []): string {
  const hosts = rules.map((rule) => rule.host).filter((host) => host);
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${rules.length - 3} more...` : hosts.join(',');
}

function addressText({ status }: KubeObject): string {
  const ingress: any[] = status?.loadBalancer?.ingress ?? [];
  const text = [...new Set(ingress.map(({ ip, hostname }) => ip || hostname).filter((address) => address))].sort().join(',');
  return text.length > 16 ? `${text.slice(0, 13)}...` : text;
}

export const ingress: Behaviour = {
  validate,
  validateSubresource: { status: validateStatus },
  warnings: (object, old) =>
    !old && object.metadata.annotations?.[classAnnotation] !== undefined && !isSet(object['spec']?.ingressClassName)
      ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
  columns: [
    nameColumn,
    string('Class', ({ spec }) => spec?.ingressClassName ?? '<none>'),
    string('Hosts', ({ spec }) => hostsText(spec?.rules)),
    string('Address', addressText),
    string('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
};

function validateParameters(parameters: any): Problem[] {
  const path = 'spec.parameters';
  const problems = validateReference(parameters, path);
  const { scope, namespace } = parameters;
  if (!isSet(scope)) return [...problems, required(`${path}.scope`)];
  if (scope !== 'Cluster' && scope !== 'Namespace') return [...problems, notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace'])];
  if (scope === 'Namespace') {
    if (!isSet(namespace)) problems.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
    else problems.push(...texts(`${path}.namespace`, namespace, dns1123Label(namespace)));
  } else if (isSet(namespace)) problems.push(forbiddenField(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  return problems;
}

function parametersText(parameters: any): string {
  if (!parameters) return '<none>';
  return `${parameters.kind}${isSet(parameters.apiGroup) ? `.${parameters.apiGroup}` : ''}/${parameters.name}`;
}

export const ingressClass: Behaviour = {
  hasGeneration: true,
  defaults: (object) => {
    if (object['spec']?.parameters) setDefaults(object['spec'].parameters, { scope: 'Cluster' });
  },
  validate: ({ spec = {} }) => [
    ...((spec.controller ?? '').length > 250 ? [tooLong('spec.controller', 250)] : []),
    ...domainPrefixedPath('spec.controller', spec.controller ?? ''),
    ...(spec.parameters ? validateParameters(spec.parameters) : []),
  ],
  validateUpdate: (object, old) => immutable('spec.controller', object['spec']?.controller, old['spec']?.controller),
  columns: [
    {
      ...nameColumn,
      of: ({ metadata }) =>
        metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true'
          ? `${metadata.name} (default)`
          : (metadata.name ?? ''),
    },
    string('Controller', ({ spec }) => spec?.controller ?? ''),
    string('Parameters', ({ spec }) => parametersText(spec?.parameters)),
    ageColumn,
  ],
};
