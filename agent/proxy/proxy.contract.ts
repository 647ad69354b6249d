// What every proxy backend does, seen by real connections between namespaces. Run for each in *.root.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceSpec } from '../../api/gen/types/core.v1.ts';
import type { Endpoint } from '../../api/gen/types/discovery.v1.ts';
import { run } from '../../kit/exec/index.ts';
import { silentLogger } from '../../kit/run/index.ts';
import type { Backend } from './backend.ts';
import { flushFlows, staleFlows } from './conntrack.ts';
import { prepareHost } from './host.ts';
import { createTestNet, NODE_IP, OUTSIDE_IP, PODS, type TestNet } from './net.fixture.ts';
import { makePlan, type Plan } from './plan.ts';

const CLUSTER_IP = '10.0.0.77';
/** Patience with what is not to answer, in seconds. */
const BRIEFLY = 1;
type Ends = { ip: string; node?: string; ready?: boolean; draining?: boolean }[];
const A = { ip: PODS.a, node: 'here' };
const B = { ip: PODS.b, node: 'here' };
const AWAY = { ip: '10.244.2.2', node: 'there' };

function planOf(spec: Partial<ServiceSpec>, ends: Ends, loadBalancerIP?: string): Plan {
  const endpoints: Endpoint[] = ends.map((end) => ({
    addresses: [end.ip],
    nodeName: end.node ?? 'here',
    conditions: { ready: end.ready ?? !end.draining, serving: end.ready ?? true, terminating: end.draining ?? false },
  }));
  const ports = [
    { name: 't', protocol: 'TCP', port: 80, nodePort: spec.type ? 30080 : undefined },
    { name: 'u', protocol: 'UDP', port: 53, nodePort: spec.type ? 30053 : undefined },
  ];
  return makePlan({
    services: [
      {
        metadata: { namespace: 'default', name: 'web' },
        spec: { clusterIP: CLUSTER_IP, ports: ports.map(({ nodePort, ...p }) => ({ ...p, ...(nodePort ? { nodePort } : {}) })), ...spec },
        ...(loadBalancerIP ? { status: { loadBalancer: { ingress: [{ ip: loadBalancerIP }] } } } : {}),
      },
    ],
    slices: [
      {
        metadata: { namespace: 'default', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
        addressType: 'IPv4',
        endpoints,
        ports: ports.map((p) => ({ name: p.name, protocol: p.protocol, port: 8080 })),
      },
    ],
    nodeName: 'here',
    clusterCIDR: '10.244.0.0/16',
  });
}

export function proxyContract(name: string, open: (netns: string) => Backend): void {
  describe(`proxy contract: ${name}`, () => {
    let net: TestNet;
    let backend: Backend;
    beforeAll(async () => {
      net = await createTestNet();
      await prepareHost({ serviceCIDR: '10.0.0.0/16', nodeIP: NODE_IP, log: silentLogger, netns: net.path('node') });
      backend = open(net.path('node'));
    });
    afterAll(() => net?.close());
    const apply = (spec: Partial<ServiceSpec>, ends: Ends, loadBalancerIP?: string) => backend.apply(planOf(spec, ends, loadBalancerIP));
    const times = async (count: number, work: () => Promise<string>) => new Set(await Promise.all(Array.from({ length: count }, work)));

    test('a cluster IP is answered for pods with their own address, for the node and for a pod that reaches itself with another', async () => {
      await apply({}, [B]);
      expect(await net.talk('a', 'tcp', CLUSTER_IP, 80)).toBe(`b ${PODS.a}`);
      expect(await net.talk('a', 'udp', CLUSTER_IP, 53)).toBe(`b ${PODS.a}`);
      expect(await net.talk('node', 'tcp', CLUSTER_IP, 80)).toMatch(/^b 10\.244\.1\.1$/);
      expect(await net.talk('b', 'tcp', CLUSTER_IP, 80)).toMatch(/^b 10\.244\.1\.1$/);
      expect(await net.talk('b', 'udp', CLUSTER_IP, 53)).toMatch(/^b 10\.244\.1\.1$/);
    });

    test('connections are spread over the endpoints', async () => {
      await apply({}, [A, B]);
      expect(await times(24, () => net.talk('node', 'tcp', CLUSTER_IP, 80))).toEqual(new Set(['a 10.244.1.1', 'b 10.244.1.1']));
    });

    test('without an endpoint the connection is refused, at once', async () => {
      await apply({ type: 'NodePort' }, []);
      expect(await net.talk('a', 'tcp', CLUSTER_IP, 80)).toBe('refused');
      expect(await net.talk('node', 'tcp', CLUSTER_IP, 80)).toBe('refused');
      expect(await net.talk('a', 'udp', CLUSTER_IP, 53)).toBe('refused');
      expect(await net.talk('outside', 'tcp', NODE_IP, 30080)).toBe('refused');
    });

    test('an endpoint that came back takes UDP clients again', async () => {
      const before = planOf({}, []);
      const after = planOf({}, [B]);
      await backend.apply(before);
      await net.talk('a', 'udp', CLUSTER_IP, 53);
      await backend.apply(after);
      expect(staleFlows(before, after)).toEqual([['--orig-dst', CLUSTER_IP]]);
      await flushFlows(staleFlows(before, after));
      expect(await net.talk('a', 'udp', CLUSTER_IP, 53)).toBe(`b ${PODS.a}`);
    });

    test('terminating endpoints serve while no other is ready', async () => {
      await apply({}, [
        { ...A, ready: false },
        { ...B, draining: true },
      ]);
      expect(await times(6, () => net.talk('node', 'tcp', CLUSTER_IP, 80))).toEqual(new Set(['b 10.244.1.1']));
      await apply({}, [A, { ...B, draining: true }]);
      expect(await times(6, () => net.talk('node', 'tcp', CLUSTER_IP, 80))).toEqual(new Set(['a 10.244.1.1']));
    });

    test('a node port is answered on every address of the node', async () => {
      await apply({ type: 'NodePort' }, [B]);
      expect(await net.talk('outside', 'tcp', NODE_IP, 30080)).toBe('b 10.244.1.1');
      expect(await net.talk('outside', 'udp', NODE_IP, 30053)).toBe('b 10.244.1.1');
      expect(await net.talk('node', 'tcp', NODE_IP, 30080)).toMatch(/^b /);
      expect(await net.talk('node', 'tcp', '127.0.0.1', 30080)).toMatch(/^b /);
      expect(await net.talk('a', 'tcp', NODE_IP, 30080)).toMatch(/^b /);
      expect(await net.talk('b', 'tcp', NODE_IP, 30080)).toMatch(/^b /);
    });

    test('externalTrafficPolicy Local keeps the source and uses local endpoints only', async () => {
      await apply({ type: 'NodePort', externalTrafficPolicy: 'Local' }, [B, AWAY]);
      expect(await times(8, () => net.talk('outside', 'tcp', NODE_IP, 30080))).toEqual(new Set([`b ${OUTSIDE_IP}`]));
      await apply({ type: 'NodePort', externalTrafficPolicy: 'Local' }, [AWAY]);
      expect(await net.talk('outside', 'tcp', NODE_IP, 30080, BRIEFLY)).toBe('timeout');
    });

    test('internalTrafficPolicy Local uses local endpoints only', async () => {
      await apply({ internalTrafficPolicy: 'Local' }, [A, AWAY]);
      expect(await times(8, () => net.talk('b', 'tcp', CLUSTER_IP, 80))).toEqual(new Set([`a ${PODS.b}`]));
      await apply({ internalTrafficPolicy: 'Local' }, [AWAY]);
      expect(await net.talk('b', 'tcp', CLUSTER_IP, 80, BRIEFLY)).toBe('timeout');
    });

    test('session affinity keeps a client on its endpoint', async () => {
      await apply({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }, [A, B]);
      const first = await net.talk('node', 'tcp', CLUSTER_IP, 80);
      expect(await times(10, () => net.talk('node', 'tcp', CLUSTER_IP, 80))).toEqual(new Set([first]));
    });

    test('external IPs and load balancer IPs are answered; source ranges hold', async () => {
      await apply({ type: 'LoadBalancer', externalIPs: ['192.0.2.1'], loadBalancerSourceRanges: [`${OUTSIDE_IP}/32`] }, [B], '192.0.2.2');
      expect(await net.talk('outside', 'tcp', '192.0.2.1', 80)).toBe('b 10.244.1.1');
      expect(await net.talk('outside', 'tcp', '192.0.2.2', 80)).toBe('b 10.244.1.1');
      await apply({ type: 'LoadBalancer', loadBalancerSourceRanges: ['203.0.113.0/24'] }, [B], '192.0.2.2');
      expect(await net.talk('outside', 'tcp', '192.0.2.2', 80, BRIEFLY)).toBe('timeout');
    });

    test('a new process finds old rules, replaces them and leaves nothing stale', async () => {
      await apply({ type: 'NodePort' }, [A, B]);
      const again = open(net.path('node'));
      await again.apply(planOf({}, [B]));
      expect(await net.talk('a', 'tcp', CLUSTER_IP, 80)).toBe(`b ${PODS.a}`);
      expect(await net.talk('outside', 'tcp', NODE_IP, 30080)).toBe('refused');
      expect(await again.lostRules()).toBe(false);
      await again.apply({ ports: [], healthChecks: [], clusterCIDR: '10.244.0.0/16' });
      expect(await dump(net.path('node'))).not.toMatch(/10\.0\.0\.77|KUBE-SEP|KUBE-SVC|KUBE-EXT-/);
      await again.cleanup();
      expect(await dump(net.path('node'))).not.toMatch(/kube/i);
      expect(await again.lostRules()).toBe(true);
    });
  });
}

const dump = async (netns: string): Promise<string> =>
  (await run('nsenter', [`--net=${netns}`, 'sh', '-c', 'iptables-save; nft list ruleset'])).stdout;
