// Pure: a question about the cluster's names -> the answer (Kubernetes' DNS specification 1.1.0, with CoreDNS' choices where that is open).
import type { Answer } from 'dns-packet';
import type { Service, ServicePort } from '../../api/gen/types/core.v1.ts';
import { type Directory, type Host, hostsOf, isHeadless, labelOf } from './records.ts';

export interface Query {
  readonly name: string;
  /** `A`, `SRV`, …; unknown ones too. */
  readonly type: string;
}

export interface Resolution {
  readonly rcode: 'NOERROR' | 'NXDOMAIN';
  readonly answers: Answer[];
  readonly authorities: Answer[];
  readonly additionals: Answer[];
  /** An alias that leads out of the cluster: its addresses are to be asked for elsewhere. */
  readonly alias?: string;
}

export interface Zone {
  /** e.g. `cluster.local`. */
  readonly domain: string;
  readonly directory: Directory;
  /** Address of the cluster's DNS Service. */
  readonly serverIP: string;
}

/** Seconds that clients may keep an answer; short, since pods come and go. */
const TTL = 5;
const ALIASES_MAX = 8;

/** What is at a name: its records, whatever their type. Undefined: the name does not exist. */
type Records = { answers: Answer[]; additionals?: Answer[] };

/** 'elsewhere': not a name of this cluster. */
export function resolve(query: Query, zone: Zone): Resolution | 'elsewhere' {
  const name = query.name.toLowerCase().replace(/\.$/, '');
  const reverse = addressOf(name);
  if (reverse !== undefined) {
    const names = pointers(reverse, zone);
    return names.length === 0
      ? 'elsewhere'
      : answer(query, zone, { answers: names.map((data) => ({ name: query.name, type: 'PTR', ttl: TTL, data })) });
  }
  if (name !== zone.domain && !name.endsWith(`.${zone.domain}`)) return 'elsewhere';
  const labels = name === zone.domain ? [] : name.slice(0, -zone.domain.length - 1).split('.');
  return answer(query, zone, recordsAt(labels, query.name, zone));
}

/** Picks what was asked for, follows aliases inside the cluster, says why when there is nothing. */
function answer(query: Query, zone: Zone, records: Records | undefined): Resolution {
  const nothing: Resolution = { rcode: records ? 'NOERROR' : 'NXDOMAIN', answers: [], authorities: [authority(zone)], additionals: [] };
  if (!records) return nothing;
  const alias = records.answers.find((a) => a.type === 'CNAME');
  if (alias && query.type !== 'CNAME') return follow(query, zone, [alias]);
  const answers = records.answers.filter((a) => a.type === query.type || query.type === 'ANY');
  if (answers.length === 0) return nothing;
  const named = query.type === 'SRV' ? (records.additionals ?? []) : [];
  return { rcode: 'NOERROR', answers, authorities: [], additionals: named };
}

function follow(query: Query, zone: Zone, chain: Answer[]): Resolution {
  const target = (chain.at(-1) as { data: string }).data;
  const inside = chain.length < ALIASES_MAX ? resolve({ name: target, type: 'CNAME' }, zone) : 'elsewhere';
  if (inside === 'elsewhere') {
    const rest = chain.length < ALIASES_MAX ? { alias: target } : {};
    return { rcode: 'NOERROR', answers: chain, authorities: [], additionals: [], ...rest };
  }
  const next = inside.answers[0];
  if (next) return follow(query, zone, [...chain, next]);
  const last = resolve({ name: target, type: query.type }, zone) as Resolution;
  return { ...last, answers: [...chain, ...last.answers] };
}

/** `labels` are those before the cluster's domain. */
function recordsAt(labels: readonly string[], owner: string, zone: Zone): Records | undefined {
  const kind = labels.at(-1);
  const namespace = labels.at(-2);
  const own = (type: 'A' | 'TXT' | 'NS' | 'CNAME', data: string): Answer => ({ name: owner, type, ttl: TTL, data }) as Answer;
  if (kind === undefined) return { answers: [{ ...authority(zone), name: owner } as Answer, own('NS', `ns.dns.${zone.domain}`)] };
  if (labels.length === 1 && kind === 'dns-version') return { answers: [own('TXT', '1.1.0')] };
  if (kind === 'dns')
    return labels.length === 1
      ? { answers: [] }
      : labels.length === 2 && namespace === 'ns'
        ? { answers: [own('A', zone.serverIP)] }
        : undefined;
  if (kind !== 'svc' && kind !== 'pod') return undefined;
  if (namespace === undefined) return { answers: [] };
  if (kind === 'pod') {
    if (labels.length === 2) return { answers: [] };
    const ip = labels.length === 3 ? fromDashes(labels[0]!) : undefined;
    return ip ? { answers: [own('A', ip)] } : undefined;
  }
  if (labels.length === 2) return zone.directory.hasNamespace(namespace) ? { answers: [] } : undefined;
  return serviceRecords(labels.slice(0, -2), namespace, owner, zone);
}

/** `labels` end with the Service's name. */
function serviceRecords(labels: readonly string[], namespace: string, owner: string, zone: Zone): Records | undefined {
  const name = labels.at(-1)!;
  const service = zone.directory.service(namespace, name);
  if (!service?.spec) return undefined;
  const base = `${name}.${namespace}.svc.${zone.domain}`;
  const own = (ip: string): Answer => ({ name: owner, type: 'A', ttl: TTL, data: ip });
  if (service.spec.type === 'ExternalName') {
    const target = service.spec.externalName?.replace(/\.$/, '');
    return labels.length === 1 && target ? { answers: [{ name: owner, type: 'CNAME', ttl: TTL, data: target }] } : undefined;
  }
  const hosts = hostsOf(zone.directory.slices(namespace, name));
  if (labels.length === 1) {
    const ips = isHeadless(service) ? hosts.map((host) => host.ip) : [service.spec.clusterIP ?? ''].filter((ip) => ip.includes('.'));
    if (ips.length === 0 && isHeadless(service)) return undefined;
    const pointersTo = places(service, hosts, base, owner, () => true);
    return { answers: [...ips.map(own), ...pointersTo.answers], additionals: pointersTo.additionals };
  }
  const [first, second] = labels as [string, string];
  if (labels.length === 2 && (first === '_tcp' || first === '_udp' || first === '_sctp')) return { answers: [] };
  if (labels.length === 2) {
    const found = hosts.filter((host) => host.label === first);
    return found.length > 0 ? { answers: found.map((host) => own(host.ip)) } : undefined;
  }
  if (labels.length !== 3 || !first.startsWith('_') || !second.startsWith('_')) return undefined;
  const asked = places(
    service,
    hosts,
    base,
    owner,
    (port) => port.name?.toLowerCase() === first.slice(1) && protocolOf(port) === second.slice(1),
  );
  return asked.answers.length > 0 ? asked : undefined;
}

/** SRV records and the addresses that they lead to. */
function places(
  service: Service,
  hosts: readonly Host[],
  base: string,
  owner: string,
  wanted: (port: ServicePort) => boolean,
): Required<Records> {
  const at = (target: string, port: number, weight: number): Answer => ({
    name: owner,
    type: 'SRV',
    ttl: TTL,
    data: { priority: 0, weight, port, target },
  });
  const ports = (service.spec?.ports ?? []).filter(wanted);
  if (!isHeadless(service)) {
    const ip = service.spec?.clusterIP ?? '';
    return {
      answers: ports.map((port) => at(base, port.port, 100)),
      additionals: ports.length > 0 ? [{ name: base, type: 'A', ttl: TTL, data: ip }] : [],
    };
  }
  const weight = Math.max(1, Math.floor(100 / Math.max(1, hosts.length)));
  const answers = ports.flatMap((port) =>
    hosts.flatMap((host) => {
      const real = host.ports.find((p) => (p.name ?? '') === (port.name ?? '') && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))?.port;
      return real === undefined ? [] : [at(`${host.label}.${base}`, real, weight)];
    }),
  );
  const additionals =
    answers.length > 0 ? hosts.map((host): Answer => ({ name: `${host.label}.${base}`, type: 'A', ttl: TTL, data: host.ip })) : [];
  return { answers, additionals };
}

/** Names of an address: the Services that have it, else the headless Services whose endpoint it is. */
function pointers(ip: string, { directory, domain }: Zone): string[] {
  const services = directory.servicesAt(ip).map(({ metadata: m }) => `${m.name}.${m.namespace}.svc.${domain}`);
  if (services.length > 0) return services;
  return directory.slicesAt(ip).flatMap((slice) => {
    const { namespace = '', labels } = slice.metadata;
    const name = labels?.['kubernetes.io/service-name'] ?? '';
    const service = directory.service(namespace, name);
    const endpoint = slice.endpoints?.find((e) => e.addresses.includes(ip) && e.conditions?.ready !== false);
    return service && endpoint && isHeadless(service) ? [`${labelOf(endpoint, ip)}.${name}.${namespace}.svc.${domain}`] : [];
  });
}

/** Goes with every empty answer: how long it may be kept is its minimum. */
const authority = ({ domain }: Zone): Answer => ({
  name: domain,
  type: 'SOA',
  ttl: TTL,
  data: { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86_400, minimum: TTL },
});

const protocolOf = (port: ServicePort): string => (port.protocol ?? 'TCP').toLowerCase();

/** `4.3.2.1.in-addr.arpa` -> `1.2.3.4`. */
function addressOf(name: string): string | undefined {
  return /^(\d+\.\d+\.\d+\.\d+)\.in-addr\.arpa$/.exec(name)?.[1]?.split('.').reverse().join('.');
}

/** `1-2-3-4` -> `1.2.3.4`. */
function fromDashes(label: string): string | undefined {
  const parts = /^(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})$/.exec(label)?.slice(1);
  return parts?.every((part) => Number(part) <= 255) ? parts.join('.') : undefined;
}
