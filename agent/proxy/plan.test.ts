// Services and EndpointSlices -> routes of one node.
import { describe, expect, test } from 'vitest';
import type { Service, ServiceSpec } from '../../api/gen/types/core.v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/gen/types/discovery.v1.ts';
import { flowsAtStart, staleFlows } from './conntrack.ts';
import { createPlanner, makePlan, type PortPlan } from './plan.ts';

const service = (spec: ServiceSpec, labels?: Record<string, string>): Service => ({
  metadata: { namespace: 'default', name: 'web', ...(labels ? { labels } : {}) },
  spec: { clusterIP: '10.0.0.5', ports: [{ port: 80 }], ...spec },
});
const slice = (endpoints: Endpoint[], name = 'web-1'): EndpointSlice => ({
  metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ port: 8080, protocol: 'TCP' }],
  endpoints,
});
const end = (n: number, more: Partial<Endpoint> = {}): Endpoint => ({ addresses: [`10.244.1.${n}`], nodeName: 'here', ...more });
const draining = { conditions: { ready: false, serving: true, terminating: true } };
const away = { nodeName: 'there' };

function planOf(services: Service[], slices: EndpointSlice[], zone?: string): readonly PortPlan[] {
  return makePlan({ services, slices, nodeName: 'here', clusterCIDR: '10.244.0.0/16', ...(zone ? { zone } : {}) }).ports;
}
const to = (route: { to: readonly { ip: string }[]; empty: string }): string =>
  route.to.length > 0 ? route.to.map((t) => t.ip.split('.')[3]).join(' ') : route.empty;

describe('makePlan', () => {
  const local = { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' };
  test.each<[string, ServiceSpec, Endpoint[], [internal: string, external: string, fromInside: string]]>([
    ['ready ones', {}, [end(1), end(2, { conditions: { ready: false } }), end(3, { conditions: { ready: true } })], ['1 3', '1 3', '1 3']],
    ['none', {}, [], ['reject', 'reject', 'reject']],
    ['terminating only while nothing else is ready', {}, [end(1), end(2, draining)], ['1', '1', '1']],
    ['terminating that serve', {}, [end(1, { conditions: { ready: false } }), end(2, draining)], ['2', '2', '2']],
    ['local policies', local, [end(1), end(2, away)], ['1', '1', '1 2']],
    ['local policies, nothing here', local, [end(2, away)], ['drop', 'drop', '2']],
    ['local policies, nothing anywhere', local, [], ['reject', 'reject', 'reject']],
    ['local terminating before remote ready', local, [end(1, draining), end(2, away)], ['1', '1', '2']],
  ])('%s', (_, spec, endpoints, expected) => {
    const [port] = planOf([service(spec)], [slice(endpoints)]);
    expect([to(port!.internal), to(port!.external), to(port!.externalFromInside)]).toEqual(expected);
  });

  test.each<[string, Service]>([
    ['headless', service({ clusterIP: 'None' })],
    ['ExternalName', service({ type: 'ExternalName', clusterIP: '' })],
    ['no address yet', service({ clusterIP: '' })],
    ['left to another proxy', service({}, { 'service.kubernetes.io/service-proxy-name': 'other' })],
    ['said to be headless', service({}, { 'service.kubernetes.io/headless': '' })],
  ])('%s gets no rules', (_, object) => {
    expect(planOf([object], [slice([end(1)])])).toEqual([]);
  });

  test('a slice said to be headless counts for nothing', () => {
    const headless = slice([end(1)]);
    headless.metadata.labels = { ...headless.metadata.labels, 'service.kubernetes.io/headless': '' };
    const [port] = planOf([service({})], [headless]);
    expect(to(port!.internal)).toBe('reject');
  });

  test('an endpoint in two slices counts once; slices of another family and of other ports not at all', () => {
    const other = { ...slice([{ addresses: ['fd00::1'] }], 'web-6'), addressType: 'IPv6' };
    const foreign = { ...slice([end(9)], 'web-9'), ports: [{ name: 'metrics', port: 9090 }] };
    const [port] = planOf([service({})], [slice([end(1)]), slice([end(1), end(2)], 'web-2'), other, foreign]);
    expect(to(port!.internal)).toBe('1 2');
  });

  const hint = (zone: string) => ({ hints: { forZones: [{ name: zone }] } });
  const own = (node: string) => ({ hints: { forNodes: [{ name: node }], forZones: [{ name: 'z1' }] } });
  test.each<[string, Endpoint[], string | undefined, string]>([
    ['the own zone', [end(1, hint('z1')), end(2, hint('z2'))], 'z1', '1'],
    ['all when the zone has none', [end(1, hint('z1')), end(2, hint('z2'))], 'z3', '1 2'],
    ['all when a hint is missing', [end(1, hint('z1')), end(2)], 'z1', '1 2'],
    ['all when the node has no zone', [end(1, hint('z1')), end(2, hint('z2'))], undefined, '1 2'],
    ['the own node before the zone', [end(1, own('here')), end(2, own('there'))], 'z1', '1'],
    ['the zone when the node has none', [end(1, own('other')), end(2, own('there'))], 'z1', '1 2'],
  ])('hints: %s', (_, endpoints, zone, expected) => {
    expect(to(planOf([service({})], [slice(endpoints)], zone)[0]!.internal)).toBe(expected);
  });

  test('addresses, affinity and names', () => {
    const lb: Service = {
      ...service({
        type: 'LoadBalancer',
        ports: [{ name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 }],
        externalIPs: ['192.0.2.1', '2001:db8::1'],
        loadBalancerSourceRanges: [' 192.0.2.0/24 '],
        sessionAffinity: 'ClientIP',
      }),
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }, { ip: '192.0.2.3', ipMode: 'Proxy' }, { hostname: 'x' }] } },
    };
    expect(planOf([lb], [])[0]).toMatchObject({
      name: 'default/web:dns',
      protocol: 'udp',
      nodePort: 30053,
      externalIPs: ['192.0.2.1'],
      loadBalancerIPs: ['192.0.2.2'],
      sourceRanges: ['192.0.2.0/24'],
      affinitySeconds: 10_800,
    });
  });
});

test('createPlanner: what has not changed is the very same', () => {
  const plan = createPlanner();
  const services = [service({}), { ...service({}), metadata: { namespace: 'default', name: 'db' } }];
  const input = { services, slices: [slice([end(1)])], nodeName: 'here', clusterCIDR: '10.244.0.0/16' };
  const before = plan(input).ports;
  const after = plan({ ...input, slices: [slice([end(2)])] }).ports;
  expect(after[0]).not.toBe(before[0]);
  expect(to(after[0]!.internal)).toBe('2');
  expect(after[1]).toBe(before[1]);
  expect(plan(input).ports[0]).toEqual(before[0]);
});

test('what health check node ports are to tell: ready endpoints of this node', () => {
  const plan = (spec: ServiceSpec, ...endpoints: Endpoint[]) =>
    makePlan({ services: [service(spec)], slices: [slice(endpoints)], nodeName: 'here', clusterCIDR: '10.244.0.0/16' }).healthChecks;
  const wanted = { healthCheckNodePort: 30100 };
  const check = { namespace: 'default', name: 'web', port: 30100 };
  expect(plan({}, end(1))).toEqual([]);
  expect(plan(wanted)).toEqual([{ ...check, endpoints: 0 }]);
  expect(plan({ ...wanted, ports: [{ port: 80 }, { port: 81 }] }, end(1), end(2, draining), end(3, away))).toEqual([
    { ...check, endpoints: 1 },
  ]);
});

test('staleFlows: endpoints that left or have another port, addresses that had none, nothing for TCP', () => {
  const planTo = (targetPort: number, protocol: string, ...ns: number[]) =>
    makePlan({
      services: [service({ ports: [{ port: 53, protocol, nodePort: 30053 }] })],
      slices: [{ ...slice(ns.map((n) => end(n))), ports: [{ port: targetPort, protocol }] }],
      nodeName: 'here',
      clusterCIDR: '10.244.0.0/16',
    });
  const plan = (protocol: string, ...ns: number[]) => planTo(53, protocol, ...ns);
  expect(staleFlows(plan('UDP', 1, 2), plan('UDP', 2))).toEqual([
    ['--orig-dst', '10.0.0.5', '--dst-nat', '10.244.1.1', '--reply-port-src', '53'],
    ['--orig-port-dst', '30053', '--dst-nat', '10.244.1.1', '--reply-port-src', '53'],
  ]);
  expect(flowsAtStart(plan('UDP', 1), '10.0.0.0/16')).toEqual([
    ['--orig-dst', '10.0.0.0/16'],
    ['--orig-port-dst', '30053'],
  ]);
  expect(staleFlows(plan('UDP'), plan('UDP', 1))).toEqual([
    ['--orig-dst', '10.0.0.5'],
    ['--orig-port-dst', '30053'],
  ]);
  expect(staleFlows(planTo(53, 'UDP', 1), planTo(54, 'UDP', 1))).toEqual([
    ['--orig-dst', '10.0.0.5', '--dst-nat', '10.244.1.1', '--reply-port-src', '53'],
    ['--orig-port-dst', '30053', '--dst-nat', '10.244.1.1', '--reply-port-src', '53'],
  ]);
  expect(staleFlows(plan('TCP', 1, 2), plan('TCP', 2))).toEqual([]);
  expect(staleFlows(plan('UDP', 1), plan('UDP', 1, 2))).toEqual([]);
});
