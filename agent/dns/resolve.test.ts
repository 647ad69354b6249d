// Names of Services, endpoints and pods: question -> answer.
import { describe, expect, test } from 'vitest';
import type { Service } from '../../api/gen/types/core.v1.ts';
import type { EndpointSlice } from '../../api/gen/types/discovery.v1.ts';
import type { Directory } from './records.ts';
import { type Resolution, resolve, type Zone } from './resolve.ts';

const services: Service[] = [
  {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      clusterIP: '10.0.0.5',
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { port: 9, protocol: 'UDP' },
      ],
    },
  },
  { metadata: { namespace: 'default', name: 'db' }, spec: { clusterIP: 'None', ports: [{ name: 'sql', port: 5432, targetPort: 'sql' }] } },
  { metadata: { namespace: 'default', name: 'empty' }, spec: { clusterIP: 'None' } },
  { metadata: { namespace: 'default', name: 'out' }, spec: { type: 'ExternalName', externalName: 'example.org' } },
  { metadata: { namespace: 'default', name: 'hop' }, spec: { type: 'ExternalName', externalName: 'web.default.svc.cluster.local.' } },
  { metadata: { namespace: 'default', name: 'loop' }, spec: { type: 'ExternalName', externalName: 'loop.default.svc.cluster.local' } },
];
const slices: EndpointSlice[] = [
  {
    metadata: { namespace: 'default', name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    ports: [{ name: 'sql', port: 6000, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.244.1.2'], hostname: 'db-0', conditions: { ready: true } },
      { addresses: ['10.244.1.3'], conditions: {} },
      { addresses: ['10.244.1.4'], hostname: 'db-2', conditions: { ready: false } },
    ],
  },
];
const directory: Directory = {
  service: (namespace, name) => services.find((s) => s.metadata.namespace === namespace && s.metadata.name === name),
  slices: (namespace, service) =>
    slices.filter((s) => s.metadata.namespace === namespace && s.metadata.labels?.['kubernetes.io/service-name'] === service),
  servicesAt: (ip) => services.filter((s) => s.spec?.clusterIP === ip),
  slicesAt: (ip) => slices.filter((s) => s.endpoints?.some((e) => e.addresses.includes(ip))),
  hasNamespace: (namespace) => namespace === 'default',
};
const zone: Zone = { domain: 'cluster.local', directory, serverIP: '10.0.0.10' };

/** `TYPE data` of each answer, the code when there are none. */
function tell(found: Resolution | 'elsewhere'): string | string[] {
  if (found === 'elsewhere') return found;
  if (found.answers.length === 0) return found.rcode === 'NOERROR' ? 'nothing' : found.rcode;
  return found.answers.map((a) => {
    const data = (a as { data: unknown }).data as string & { port?: number; target?: string };
    return `${a.type} ${a.type === 'SRV' ? `${data.port} ${data.target}` : a.type === 'SOA' ? '' : data}`.trim();
  });
}

describe('resolve', () => {
  test.each<[string, string, string | string[]]>([
    ['web.default.svc.cluster.local', 'A', ['A 10.0.0.5']],
    ['WEB.Default.SVC.cluster.LOCAL', 'A', ['A 10.0.0.5']],
    ['web.default.svc.cluster.local.', 'A', ['A 10.0.0.5']],
    ['web.default.svc.cluster.local', 'AAAA', 'nothing'],
    ['web.default.svc.cluster.local', 'MX', 'nothing'],
    ['none.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['none.default.svc.cluster.local', 'AAAA', 'NXDOMAIN'],
    ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['web.default.cluster.local', 'A', 'NXDOMAIN'],
    ['web.default.svc.cluster.local.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['_http._tcp.web.default.svc.cluster.local', 'SRV', ['SRV 80 web.default.svc.cluster.local']],
    ['_http._tcp.web.default.svc.cluster.local', 'A', 'nothing'],
    ['_http._udp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    ['_none._tcp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    ['_tcp.web.default.svc.cluster.local', 'SRV', 'nothing'],
    ['web.default.svc.cluster.local', 'SRV', ['SRV 80 web.default.svc.cluster.local', 'SRV 9 web.default.svc.cluster.local']],
    ['db.default.svc.cluster.local', 'A', ['A 10.244.1.2', 'A 10.244.1.3']],
    ['db.default.svc.cluster.local', 'AAAA', 'nothing'],
    ['db-0.db.default.svc.cluster.local', 'A', ['A 10.244.1.2']],
    ['10-244-1-3.db.default.svc.cluster.local', 'A', ['A 10.244.1.3']],
    ['db-2.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    [
      '_sql._tcp.db.default.svc.cluster.local',
      'SRV',
      ['SRV 6000 db-0.db.default.svc.cluster.local', 'SRV 6000 10-244-1-3.db.default.svc.cluster.local'],
    ],
    ['empty.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['out.default.svc.cluster.local', 'A', ['CNAME example.org']],
    ['out.default.svc.cluster.local', 'CNAME', ['CNAME example.org']],
    ['hop.default.svc.cluster.local', 'A', ['CNAME web.default.svc.cluster.local', 'A 10.0.0.5']],
    ['1-2-3-4.default.pod.cluster.local', 'A', ['A 1.2.3.4']],
    ['1-2-3-4.default.pod.cluster.local', 'AAAA', 'nothing'],
    ['1-2-3-400.default.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['name.default.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['5.0.0.10.in-addr.arpa', 'PTR', ['PTR web.default.svc.cluster.local']],
    ['2.1.244.10.in-addr.arpa', 'PTR', ['PTR db-0.db.default.svc.cluster.local']],
    ['3.1.244.10.in-addr.arpa', 'PTR', ['PTR 10-244-1-3.db.default.svc.cluster.local']],
    ['4.1.244.10.in-addr.arpa', 'PTR', 'elsewhere'],
    ['cluster.local', 'SOA', ['SOA']],
    ['cluster.local', 'NS', ['NS ns.dns.cluster.local']],
    ['ns.dns.cluster.local', 'A', ['A 10.0.0.10']],
    ['dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
    ['cluster.local', 'A', 'nothing'],
    ['svc.cluster.local', 'A', 'nothing'],
    ['default.svc.cluster.local', 'A', 'nothing'],
    ['other.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['notcluster.local', 'A', 'elsewhere'],
    ['example.org', 'A', 'elsewhere'],
  ])('%s %s', (name, type, expected) => {
    expect(tell(resolve({ name, type }, zone))).toEqual(expected);
  });

  test('an alias that leads out is named, one that leads to itself ends', () => {
    expect(resolve({ name: 'out.default.svc.cluster.local', type: 'A' }, zone)).toMatchObject({ alias: 'example.org' });
    expect((resolve({ name: 'loop.default.svc.cluster.local', type: 'A' }, zone) as Resolution).answers.length).toBeLessThan(10);
  });

  test('answers keep the letters that were asked; empty ones carry the SOA', () => {
    expect((resolve({ name: 'Web.default.svc.cluster.local', type: 'A' }, zone) as Resolution).answers[0]?.name).toBe(
      'Web.default.svc.cluster.local',
    );
    expect((resolve({ name: 'web.default.svc.cluster.local', type: 'AAAA' }, zone) as Resolution).authorities).toMatchObject([
      { type: 'SOA' },
    ]);
  });

  test('SRV brings the addresses along', () => {
    const found = resolve({ name: '_sql._tcp.db.default.svc.cluster.local', type: 'SRV' }, zone) as Resolution;
    expect(found.additionals).toMatchObject([{ name: 'db-0.db.default.svc.cluster.local', data: '10.244.1.2' }, { data: '10.244.1.3' }]);
  });
});
