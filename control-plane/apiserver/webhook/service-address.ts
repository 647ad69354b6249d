// A Service as an address that the control plane can reach: one of its ready endpoints. The control plane's host runs no proxy of
// Services, so its cluster IP leads nowhere.
import { isIPv6 } from 'node:net';
import { type KubeObject, notFound, serviceUnavailable } from '../../../api/meta/index.ts';
import type { Reader } from '../request.ts';
import { DEFAULT_PORT, type ServiceReference } from './client-config.ts';

const SERVICES = { group: '', plural: 'services' };
const SLICES = { group: 'discovery.k8s.io', plural: 'endpointslices' };
const ROUTABLE = new Set(['ClusterIP', 'NodePort', 'LoadBalancer']);

export interface Address {
  host: string;
  port: number;
}

interface Slice extends KubeObject {
  addressType?: string;
  /** Either may be null when nothing is there. */
  ports?: { name?: string; port?: number }[] | null;
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] | null;
}

export const slicesOf = (reader: Reader, { namespace, name }: ServiceReference): Slice[] =>
  reader.list(SLICES, namespace).filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === name) as Slice[];

export const serviceOf = (reader: Reader, { namespace, name }: ServiceReference): KubeObject | undefined =>
  reader.get(SERVICES, namespace, name);

/** Ready addresses behind the port of that name. */
export const readyAddresses = (slices: readonly Slice[], portName: string): Address[] =>
  slices.flatMap(({ ports, endpoints }) => {
    const port = ports?.find((one) => (one.name ?? '') === portName)?.port;
    if (port === undefined) return [];
    return (endpoints ?? []).filter((one) => one.conditions?.ready !== false).map((one) => ({ host: one.addresses[0]!, port }));
  });

/** Throws StatusError in upstream's words (ResolveEndpoint of apiserver, which also takes ExternalName). `turn` spreads the load. */
export function resolveService(reader: Reader, reference: ServiceReference, turn: number): Address {
  const service = serviceOf(reader, reference);
  if (!service) throw notFound(SERVICES_NAMED, reference.name);
  const port = reference.port ?? DEFAULT_PORT;
  const { type = 'ClusterIP', externalName, ports = [], ipFamilies = [] } = service['spec'] ?? {};
  if (type === 'ExternalName') return { host: externalName, port };
  if (!ROUTABLE.has(type)) throw new Error(`unsupported service type ${JSON.stringify(type)}`);
  const servicePort = (ports as { name?: string; port: number }[]).find((one) => one.port === port);
  if (!servicePort) throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(reference.name)}`);
  const all = readyAddresses(slicesOf(reader, reference), servicePort.name ?? '');
  const preferred = all.filter(({ host }) => isIPv6(host) === (ipFamilies[0] === 'IPv6'));
  const usable = preferred.length ? preferred : all;
  const found = usable[turn % usable.length];
  if (!found) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(reference.name)}`);
  return found;
}

/** Errors of the lister say the singular. */
const SERVICES_NAMED = { group: '', plural: 'service' };
