// Behaviours of the kinds of discovery.k8s.io/v1.
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  endpointIpProblems,
  invalidValue,
  ipProblems,
  isIPv4,
  isIPv6,
  type KubeObject,
  labelValue,
  notSupported,
  type Problem,
  qualifiedName,
  required,
  semanticEqual,
  tooMany,
  validateLabels,
} from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { immutable, setDefaults, texts } from './rules.ts';

const addressesMax = 100;
const portsMax = 20_000;
const endpointsMax = 1000;
const hintsMax = 8;

function defaults(object: KubeObject): void {
  for (const port of object['ports'] ?? []) {
    port.name ??= '';
    setDefaults(port, { protocol: 'TCP' });
  }
}

function fullyQualifiedName(field: string, name: string): Problem[] {
  if (name === '') return [required(field)];
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  const wrong = dns1123Subdomain(bare);
  if (wrong.length) return [invalidValue(field, bare, wrong.join(','))];
  if (bare.split('.').length < 2) return [invalidValue(field, bare, 'should be a domain with at least two segments separated by dots')];
  return bare.split('.').flatMap((label) => {
    const wrongLabel = dns1123Label(label);
    return wrongLabel.length ? [invalidValue(field, label, wrongLabel.join(','))] : [];
  });
}

function validateAddress(address: string, type: string, list: string, i: number): Problem[] {
  const field = `${list}[${i}]`;
  if (type === 'FQDN') return fullyQualifiedName(field, address);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const wrong = ipProblems(address, type === 'IPv6');
  if (wrong.length) return texts(field, address, wrong);
  const fits = type === 'IPv4' ? isIPv4(address) : isIPv6(address);
  const family = fits ? [] : [invalidValue(list, address, `must be an ${type} address`)];
  return [...family, ...texts(field, address, endpointIpProblems(address))];
}

function validateHints(hints: any, path: string): Problem[] {
  const problems: Problem[] = [];
  for (const [list, rule] of [
    ['forZones', labelValue],
    ['forNodes', dns1123Subdomain],
  ] as const) {
    const entries: any[] = hints[list] ?? [];
    if (entries.length > hintsMax) return [...problems, tooMany(`${path}.${list}`, entries.length, hintsMax)];
    entries.forEach(({ name }, i) => {
      const field = `${path}.${list}[${i}].name`;
      if (entries.findIndex((entry) => entry.name === name) < i) problems.push(duplicate(field, name));
      problems.push(...texts(field, name, rule(name ?? '')));
    });
  }
  return problems;
}

function validateEndpoint(endpoint: any, type: string, path: string): Problem[] {
  const problems: Problem[] = [];
  const addresses: string[] = endpoint.addresses ?? [];
  if (addresses.length === 0) problems.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > addressesMax) problems.push(tooMany(`${path}.addresses`, addresses.length, addressesMax));
  addresses.forEach((address, i) => {
    problems.push(...validateAddress(address, type, `${path}.addresses`, i));
  });
  if (typeof endpoint.nodeName === 'string')
    problems.push(...texts(`${path}.nodeName`, endpoint.nodeName, dns1123Subdomain(endpoint.nodeName)));
  const topology = endpoint.deprecatedTopology ?? {};
  if (Object.keys(topology).length > 16) problems.push(tooMany(`${path}.deprecatedTopology`, Object.keys(topology).length, 16));
  problems.push(...validateLabels(topology, `${path}.deprecatedTopology`));
  if (typeof endpoint.hostname === 'string')
    problems.push(...texts(`${path}.hostname`, endpoint.hostname, dns1123Label(endpoint.hostname)));
  if (endpoint.hints) problems.push(...validateHints(endpoint.hints, `${path}.hints`));
  return problems;
}

function validateEndpoints(object: KubeObject): Problem[] {
  const endpoints: any[] = object['endpoints'] ?? [];
  if (endpoints.length > endpointsMax) return [tooMany('endpoints', endpoints.length, endpointsMax)];
  return endpoints.flatMap((endpoint, i) => validateEndpoint(endpoint, object['addressType'], `endpoints[${i}]`));
}

function validatePorts(ports: any[]): Problem[] {
  if (ports.length > portsMax) return [tooMany('ports', ports.length, portsMax)];
  const seen = new Set<string>();
  return ports.flatMap((port, i) => {
    const path = `ports[${i}]`;
    const problems = port.name ? texts(`${path}.name`, port.name, dns1123Label(port.name)) : [];
    if (seen.has(port.name)) problems.push(duplicate(`${path}.name`, port.name));
    seen.add(port.name);
    if (!port.protocol) problems.push(required(`${path}.protocol`));
    else if (!['SCTP', 'TCP', 'UDP'].includes(port.protocol)) {
      problems.push(notSupported(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
    }
    if (typeof port.appProtocol === 'string')
      problems.push(...texts(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol)));
    return problems;
  });
}

const types = ['FQDN', 'IPv4', 'IPv6'];

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const type = object['addressType'];
  const problems: Problem[] = [];
  if (!type) problems.push(required('addressType'));
  else if (!types.includes(type)) problems.push(notSupported('addressType', type, types));
  problems.push(...validatePorts(object['ports'] ?? []));
  // What is stored may stay, whatever the rules of today.
  if (!old || !semanticEqual(object['endpoints'], old['endpoints'])) problems.push(...validateEndpoints(object));
  return problems;
}

const some = (items: string[], max = 3): string =>
  items.length > max ? `${items.slice(0, max).join(',')} + ${items.length - max} more...` : items.join(',');

function portsText(ports: any[] | undefined): string {
  if (!ports?.length) return '<unset>';
  return some(ports.map((port) => String(port.port ?? port.name ?? '*')));
}

function endpointsText(endpoints: any[] | undefined): string {
  const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []);
  return addresses.length === 0 ? '<unset>' : some(addresses);
}

export const discovery: Behaviours = {
  EndpointSlice: {
    defaults,
    hasGeneration: true,
    generationFields: ['metadata.labels', 'addressType', 'endpoints', 'ports'],
    validate,
    validateUpdate: (object, old) => immutable('addressType', object['addressType'], old['addressType']),
    warnings: (object) => (object['addressType'] === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []),
    columns: [
      nameColumn,
      string('AddressType', (object) => object['addressType'] ?? ''),
      string('Ports', (object) => portsText(object['ports'])),
      string('Endpoints', (object) => endpointsText(object['endpoints'])),
      ageColumn,
    ],
  },
};
