// Checks of Services.
import { isIPv6 } from 'node:net';
import type { Service, ServicePort, ServiceSpec } from '../../../gen/types/core.v1.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  type Problem,
  portNumber,
  qualifiedName,
  required,
  validateLabels,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';
import { validateCidr, validateEndpointIp, validateIp } from '../ip.ts';
import { validatePortNumberOrName } from '../ports.ts';
import { externallyAccessible, needsHealthCheckPort } from './update.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';

const isHeadless = (spec: ServiceSpec): boolean => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';

export function validateService(service: Service): Problem[] {
  const spec = service.spec ?? {};
  return [
    ...validateHints(service),
    ...validateType(spec),
    ...validatePorts(spec),
    ...(spec.selector ? validateLabels(spec.selector, 'spec.selector') : []),
    ...validateAffinity(spec),
    ...validateClusterIps(spec),
    ...(spec.externalIPs ?? []).flatMap((ip, at) => {
      const field = `spec.externalIPs[${at}]`;
      const wrong = validateIp(field, ip);
      return wrong.length ? wrong : validateEndpointIp(field, ip);
    }),
    ...validateKnownType(spec),
    ...validateUniquePorts(spec),
    ...validateSourceRanges(service),
    ...validateLoadBalancer(spec),
    ...validateTraffic(spec),
  ];
}

function validateHints({ metadata }: Service): Problem[] {
  const mode = metadata.annotations?.[MODE];
  const hints = metadata.annotations?.[HINTS];
  if (mode === undefined || hints === undefined || mode === hints) return [];
  return [invalidValue(`metadata.annotations[${MODE}]`, mode, `must match annotations[${HINTS}] when both are specified`)];
}

function validateType(spec: ServiceSpec): Problem[] {
  const problems: Problem[] = [];
  if (!spec.ports?.length && !isHeadless(spec) && spec.type !== 'ExternalName') problems.push(required('spec.ports'));
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec)) {
    problems.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== 'ExternalName') return problems;
  const forbidden = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) problems.push(forbiddenField('spec.clusterIPs', forbidden));
  if (spec.ipFamilies?.length) problems.push(forbiddenField('spec.ipFamilies', forbidden));
  if (spec.ipFamilyPolicy) problems.push(forbiddenField('spec.ipFamilyPolicy', forbidden));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') problems.push(required('spec.externalName'));
  else problems.push(...texts('spec.externalName', name, dns1123Subdomain(name)));
  return problems;
}

function validatePorts(spec: ServiceSpec): Problem[] {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  return ports.flatMap((port, at) => validatePort(port, `spec.ports[${at}]`, ports.length > 1, names));
}

function validatePort(port: ServicePort, path: string, needsName: boolean, names: Set<string>): Problem[] {
  const problems: Problem[] = [];
  if (port.name) {
    problems.push(...texts(`${path}.name`, port.name, dns1123Label(port.name)));
    if (names.has(port.name)) problems.push(duplicate(`${path}.name`, port.name));
    names.add(port.name);
  } else if (needsName) problems.push(required(`${path}.name`));
  problems.push(...texts(`${path}.port`, port.port, portNumber(port.port)));
  if (!port.protocol) problems.push(required(`${path}.protocol`));
  else if (!PROTOCOLS.includes(port.protocol)) problems.push(notSupported(`${path}.protocol`, port.protocol, PROTOCOLS));
  problems.push(...validatePortNumberOrName(`${path}.targetPort`, port.targetPort));
  if (port.appProtocol !== undefined) problems.push(...texts(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol)));
  return problems;
}

function validateAffinity(spec: ServiceSpec): Problem[] {
  const affinity = spec.sessionAffinity ?? '';
  const supported = ['ClientIP', 'None'];
  const problems: Problem[] = [];
  if (!supported.includes(affinity)) problems.push(notSupported('spec.sessionAffinity', affinity, supported));
  const path = 'spec.sessionAffinityConfig';
  if (affinity === 'None' && spec.sessionAffinityConfig)
    problems.push(forbiddenField(path, 'must not be set when session affinity is None'));
  if (affinity !== 'ClientIP') return problems;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds === undefined) problems.push(required(path, 'when session affinity type is ClientIP'));
  else if (seconds <= 0 || seconds > 86400) {
    problems.push(invalidValue(`${path}.clientIP.timeoutSeconds`, seconds, 'must be greater than 0 and less than 86400'));
  }
  return problems;
}

function validateClusterIps(spec: ServiceSpec): Problem[] {
  if (spec.type === 'ExternalName') return [];
  const field = 'spec.clusterIPs';
  const ips = spec.clusterIPs ?? [];
  const problems: Problem[] = [];
  if (spec.clusterIP) {
    if (ips.length === 0) problems.push(required(field));
    else if (ips[0] !== spec.clusterIP) problems.push(invalidValue(field, ips, 'first value must match `clusterIP`'));
  } else if (ips.length) problems.push(invalidValue(field, ips, 'must be empty when `clusterIP` is not specified'));
  problems.push(...validateFamilies(spec));
  const wrong = ips.flatMap((ip, at) => {
    if (at !== 0 || ip !== 'None') return validateIp(`${field}[${at}]`, ip);
    return ips.length > 1 ? [invalidValue(field, ips, "'None' must be the first and only value")] : [];
  });
  problems.push(...wrong);
  if (ips.length > 2) problems.push(invalidValue(field, ips, 'may only hold up to 2 values'));
  if (wrong.length) return problems;
  if (ips.length > 1 && new Set(ips.map(isIPv6)).size < 2)
    problems.push(invalidValue(field, ips, 'may specify no more than one IP for each IP family'));
  return isHeadless(spec) ? problems : [...problems, ...validateMatch(ips, spec.ipFamilies ?? [])];
}

function validateFamilies({ ipFamilies = [], ipFamilyPolicy }: ServiceSpec): Problem[] {
  const families = ['IPv4', 'IPv6'];
  const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
  const problems = ipFamilies.flatMap((family, at) => [
    ...(families.includes(family) ? [] : [notSupported(`spec.ipFamilies[${at}]`, family, families)]),
    ...(ipFamilies.indexOf(family) < at ? [duplicate(`spec.ipFamilies[${at}]`, family)] : []),
  ]);
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy))
    problems.push(notSupported('spec.ipFamilyPolicy', ipFamilyPolicy, policies));
  return problems;
}

const validateMatch = (ips: string[], families: string[]): Problem[] =>
  ips.flatMap((ip, at) => {
    const family = families[at];
    if (family === undefined || (family === 'IPv6') === isIPv6(ip)) return [];
    return [invalidValue(`spec.clusterIPs[${at}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${at}]\``)];
  });

function validateKnownType(spec: ServiceSpec): Problem[] {
  const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
  if (!spec.type) return [required('spec.type')];
  if (!types.includes(spec.type)) return [notSupported('spec.type', spec.type, types)];
  if (spec.type !== 'ClusterIP') return [];
  return (spec.ports ?? []).flatMap((port, at) =>
    port.nodePort ? [forbiddenField(`spec.ports[${at}].nodePort`, "may not be used when `type` is 'ClusterIP'")] : [],
  );
}

function validateUniquePorts({ ports = [] }: ServiceSpec): Problem[] {
  const nodePorts: Problem[] = [];
  const numbers: Problem[] = [];
  const seen = new Set<string>();
  for (const [at, { protocol, port, nodePort }] of ports.entries()) {
    if (nodePort) {
      if (seen.has(`n/${protocol}/${nodePort}`)) nodePorts.push(duplicate(`spec.ports[${at}].nodePort`, nodePort));
      seen.add(`n/${protocol}/${nodePort}`);
    }
    if (seen.has(`p/${protocol}/${port}`))
      numbers.push(
        duplicate(`spec.ports[${at}]`, { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }),
      );
    seen.add(`p/${protocol}/${port}`);
  }
  return [...nodePorts, ...numbers];
}

function validateSourceRanges({ metadata, spec = {} }: Service): Problem[] {
  const only = "may only be used when `type` is 'LoadBalancer'";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const field = 'spec.LoadBalancerSourceRanges';
  if (ranges.length) {
    return [
      ...(spec.type === 'LoadBalancer' ? [] : [forbiddenField(field, only)]),
      ...ranges.flatMap((range, at) => validateCidr(`${field}[${at}]`, range.trim())),
    ];
  }
  const annotation = metadata.annotations?.[SOURCE_RANGES];
  if (annotation === undefined) return [];
  const path = `metadata.annotations[${SOURCE_RANGES}]`;
  const listed = annotation.trim() === '' ? [] : annotation.split(',');
  return [
    ...(spec.type === 'LoadBalancer' ? [] : [forbiddenField(path, only)]),
    ...listed.flatMap((range) => validateCidr(path, range.trim())),
  ];
}

function validateLoadBalancer(spec: ServiceSpec): Problem[] {
  const only = "may only be used when `type` is 'LoadBalancer'";
  const isBalancer = spec.type === 'LoadBalancer';
  const problems: Problem[] = [];
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalancer)
    problems.push(forbiddenField('spec.allocateLoadBalancerNodePorts', only));
  if (spec.loadBalancerClass !== undefined) {
    if (isBalancer) problems.push(...texts('spec.loadBalancerClass', spec.loadBalancerClass, qualifiedName(spec.loadBalancerClass)));
    else problems.push(forbiddenField('spec.loadBalancerClass', only));
  }
  return problems;
}

function validateTraffic(spec: ServiceSpec): Problem[] {
  const policies = ['Cluster', 'Local'];
  const problems: Problem[] = [];
  const outer = spec.externalTrafficPolicy;
  if (!externallyAccessible(spec)) {
    if (outer) problems.push(invalidValue('spec.externalTrafficPolicy', outer, 'may only be set for externally-accessible services'));
  } else if (!outer) problems.push(required('spec.externalTrafficPolicy'));
  else if (!policies.includes(outer)) problems.push(notSupported('spec.externalTrafficPolicy', outer, policies));
  const port = spec.healthCheckNodePort ?? 0;
  const path = 'spec.healthCheckNodePort';
  if (!needsHealthCheckPort(spec)) {
    if (port !== 0)
      problems.push(invalidValue(path, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  } else problems.push(...(port === 0 ? [required(path)] : texts(path, port, portNumber(port))));
  const inner = spec.internalTrafficPolicy;
  if (inner !== undefined && !policies.includes(inner)) problems.push(notSupported('spec.internalTrafficPolicy', inner, policies));
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !distributions.includes(distribution))
    problems.push(notSupported('spec.trafficDistribution', distribution, distributions));
  return problems;
}

/** Addresses and families stay once they are set, except towards or from ExternalName. */
export function validateServiceUpdate(service: Service, before: Service): Problem[] {
  const spec = service.spec ?? {};
  const old = before.spec ?? {};
  const problems: Problem[] = [];
  if (spec.type !== 'ExternalName' && old.type !== 'ExternalName') {
    problems.push(...validateKept('clusterIPs', spec.clusterIPs, old.clusterIPs, isHeadless(spec) && isHeadless(old)));
    const headless = isHeadless(spec) || isHeadless(old);
    problems.push(...validateKept('ipFamilies', spec.ipFamilies, old.ipFamilies, headless));
  }
  if (spec.type === 'LoadBalancer' && old.type === 'LoadBalancer' && spec.loadBalancerClass !== old.loadBalancerClass) {
    problems.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set'));
  }
  if (needsHealthCheckPort(old) && needsHealthCheckPort(spec) && old.healthCheckNodePort !== spec.healthCheckNodePort) {
    problems.push(forbiddenField('spec.healthCheckNodePort', 'field is immutable'));
  }
  return problems;
}

function validateKept(name: 'clusterIPs' | 'ipFamilies', now: string[] = [], old: string[] = [], free: boolean): Problem[] {
  if (free) return [];
  const path = `spec.${name}`;
  if (now.length === old.length) {
    return old.flatMap((value, at) =>
      value === now[at] ? [] : [invalidValue(`${path}[${name === 'clusterIPs' ? at : 0}]`, now, 'may not change once set')],
    );
  }
  if (old.length > 0 && now.length === 0) {
    return [invalidValue(`${path}[0]`, now, `primary ${name === 'clusterIPs' ? 'clusterIP' : 'ipFamily'} can not be unset`)];
  }
  return old.length > 0 && now[0] !== old[0] ? [invalidValue(`${path}[0]`, now, 'may not change once set')] : [];
}

/** Of /status. */
export function validateServiceStatus(service: Service): Problem[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const path = 'status.loadBalancer.ingress';
  if (service.spec?.type !== 'LoadBalancer' && ingress.length)
    return [forbiddenField(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  return ingress.flatMap(({ ip, hostname, ipMode }, at) => {
    const problems: Problem[] = [];
    const here = `${path}[${at}]`;
    if (ip) problems.push(...validateIp(`${here}.ip`, ip));
    if (ipMode !== undefined && !ip) problems.push(forbiddenField(`${here}.ipMode`, 'may not be specified when `ip` is not set'));
    else if (ipMode !== undefined && !['Proxy', 'VIP'].includes(ipMode))
      problems.push(notSupported(`${here}.ipMode`, ipMode, ['Proxy', 'VIP']));
    if (hostname) {
      problems.push(...texts(`${here}.hostname`, hostname, dns1123Subdomain(hostname)));
      if (validateIp('', hostname).length === 0)
        problems.push(invalidValue(`${here}.hostname`, hostname, 'must be a DNS name, not an IP address'));
    }
    return problems;
  });
}
