// Which nft script a change becomes.
import { expect, test } from 'vitest';
import { nftScript } from './nft-script.ts';
import { renderNft } from './nftables.ts';
import { makePlan } from './plan.ts';

const rules = (names: readonly string[], ends: readonly string[] = ['10.244.1.2', '10.244.1.3'], affinitySeconds?: number) =>
  renderNft(
    makePlan({
      services: names.map((name, n) => ({
        metadata: { namespace: 'default', name },
        spec: {
          clusterIP: `10.0.0.${n + 1}`,
          ports: [{ port: 80 }],
          ...(affinitySeconds
            ? { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } } }
            : {}),
        },
      })),
      slices: names.map((name) => ({
        metadata: { namespace: 'default', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: [{ port: 8080 }],
        endpoints: ends.map((ip) => ({ addresses: [ip] })),
      })),
      nodeName: 'here',
      clusterCIDR: '10.244.0.0/16',
    }),
  );

test('nothing for no change', () => {
  expect(nftScript(rules(['web']), rules(['web']))).toBe('');
});

test('the first time the table is made anew in one transaction', () => {
  const lines = nftScript(rules([]), undefined).split('\n');
  expect(lines.slice(0, 3)).toEqual(['add table ip kube-proxy', 'delete table ip kube-proxy', 'add table ip kube-proxy']);
});

test('an endpoint that leaves: its element and the chains that spread, nothing else', () => {
  const lines = nftScript(rules(['web', 'db'], ['10.244.1.2']), rules(['web', 'db']))
    .trim()
    .split('\n');
  expect(lines.map((line) => line.replace(/-[0-9a-f]{16}.*/, '')).sort()).toEqual([
    ...Array(4).fill('add rule ip kube-proxy service'),
    'delete element ip kube-proxy hairpin { 10.244.1.3 . 10.244.1.3 . tcp . 8080 }',
    ...Array(2).fill('flush chain ip kube-proxy service'),
  ]);
});

test('chains that nobody needs go last', () => {
  const lines = nftScript(rules(['web'], ['10.244.1.2'], 60), rules(['web'], ['10.244.1.2', '10.244.1.3'], 60))
    .trim()
    .split('\n');
  expect(lines.at(-1)).toMatch(/^delete chain ip kube-proxy endpoint-/);
});

test('a Service that loses its last endpoint moves to the map of those that refuse', () => {
  const script = nftScript(rules(['web'], []), rules(['web']));
  expect(script).toContain('delete element ip kube-proxy service-ips { 10.0.0.1 . tcp . 80 }');
  expect(script).toContain('add element ip kube-proxy no-endpoint-services { 10.0.0.1 . tcp . 80 : goto reject-chain }');
});

test('another affinity time makes other sets', () => {
  const script = nftScript(rules(['web'], ['10.244.1.2'], 60), rules(['web'], ['10.244.1.2'], 30));
  expect(script).toMatch(/delete set ip kube-proxy affinity-30-/);
  expect(script).toMatch(/add set ip kube-proxy affinity-60-\S+ \{ type ipv4_addr; flags dynamic,timeout; timeout 60s; \}/);
});
