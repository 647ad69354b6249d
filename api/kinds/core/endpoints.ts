// The Endpoints kind.
import type { EndpointAddress, EndpointPort, EndpointSubset } from '../../gen/types/core.v1.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  type KubeObject,
  notSupported,
  type Problem,
  portNumber,
  qualifiedName,
  required,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';
import { validateEndpointIp, validateIp } from './ip.ts';

const subsetsOf = (object: KubeObject): EndpointSubset[] => object['subsets'] ?? [];

function validateAddress(address: EndpointAddress, path: string): Problem[] {
  return [
    ...validateIp(`${path}.ip`, address.ip),
    ...(address.hostname ? texts(`${path}.hostname`, address.hostname, dns1123Label(address.hostname)) : []),
    ...(address.nodeName === undefined ? [] : texts(`${path}.nodeName`, address.nodeName, dns1123Subdomain(address.nodeName))),
    ...validateEndpointIp(`${path}.ip`, address.ip),
  ];
}

function validatePort(port: EndpointPort, needsName: boolean, path: string): Problem[] {
  const problems: Problem[] = [];
  if (port.name) problems.push(...texts(`${path}.name`, port.name, dns1123Label(port.name)));
  else if (needsName) problems.push(required(`${path}.name`));
  problems.push(...texts(`${path}.port`, port.port, portNumber(port.port)));
  const protocols = ['SCTP', 'TCP', 'UDP'];
  if (!protocols.includes(port.protocol ?? '')) problems.push(notSupported(`${path}.protocol`, port.protocol ?? '', protocols));
  if (port.appProtocol !== undefined) problems.push(...texts(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol)));
  return problems;
}

function validateSubset({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset, path: string): Problem[] {
  const problems: Problem[] = [];
  if (addresses.length + notReadyAddresses.length === 0) problems.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
  problems.push(...addresses.flatMap((one, at) => validateAddress(one, `${path}.addresses[${at}]`)));
  problems.push(...notReadyAddresses.flatMap((one, at) => validateAddress(one, `${path}.notReadyAddresses[${at}]`)));
  problems.push(...ports.flatMap((one, at) => validatePort(one, ports.length > 1, `${path}.ports[${at}]`)));
  return problems;
}

/** The first three, and how many more. */
function endpointsText(object: KubeObject): string {
  const all = subsetsOf(object).flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`))),
  );
  if (subsetsOf(object).length === 0) return '<none>';
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

export const endpoints: Behaviour = {
  defaults(object) {
    for (const { ports = [] } of subsetsOf(object)) for (const port of ports) port.protocol ||= 'TCP';
  },
  validate: (object) => subsetsOf(object).flatMap((subset, at) => validateSubset(subset, `subsets[${at}]`)),
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  createOnUpdate: true,
  columns: [nameColumn, string('Endpoints', endpointsText), ageColumn],
};
