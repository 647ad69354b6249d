// Which text iptables-restore gets for a change.
import { describe, expect, test } from 'vitest';
import { chainName, renderRules } from './iptables.ts';
import { makePlan, type Plan } from './plan.ts';
import { cleanupInput, parseSaved, restoreInput } from './restore.ts';

function plan(names: readonly string[], ends: readonly string[] = ['10.244.1.2', '10.244.1.3', '10.244.1.4']): Plan {
  return makePlan({
    services: names.map((name, n) => ({
      metadata: { namespace: 'default', name },
      spec: { clusterIP: `10.0.0.${n + 1}`, ports: [{ port: 80, nodePort: 30_000 + n }] },
    })),
    slices: names.map((name) => ({
      metadata: { namespace: 'default', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: ends.map((ip) => ({ addresses: [ip] })),
    })),
    nodeName: 'here',
    clusterCIDR: '10.244.0.0/16',
  });
}
const rules = (...args: Parameters<typeof plan>) => renderRules(plan(...args));

describe('renderRules', () => {
  test('connections are spread evenly', () => {
    const ruleset = rules(['web']);
    const chain = chainName('SVC', plan(['web']).ports[0]!);
    expect(ruleset.nat.get(chain)!.map((rule) => /--probability (\S+)/.exec(rule)?.[1])).toEqual([
      undefined,
      '0.3333333333',
      '0.5000000000',
      undefined,
    ]);
  });

  test('names fit into 28 characters and differ by Service', () => {
    const { ports } = plan(['a', 'b']);
    const names = ports.flatMap((port) => (['SVC', 'SVL', 'EXT', 'SEP', 'FW'] as const).map((kind) => chainName(kind, port)));
    expect(new Set(names).size).toBe(10);
    for (const name of names) expect(name).toMatch(/^KUBE-[A-Z]+-[A-Z2-7]{16}$/);
  });
});

describe('restoreInput', () => {
  const nothing = { chains: { nat: new Set<string>(), filter: new Set<string>() }, jumps: new Set<string>() };

  test('nothing for no change', () => {
    expect(restoreInput(rules(['web']), rules(['web']), undefined)).toBe('');
  });

  test('the first time: all chains and all jumps', () => {
    const input = restoreInput(rules([]), undefined, nothing);
    expect(input).toContain('*nat\n');
    expect(input).toContain(':KUBE-SERVICES - [0:0]');
    expect(input.match(/^-I /gm)).toHaveLength(12);
  });

  test('an endpoint that leaves: its chain and the chain that spreads, nothing else', () => {
    const input = restoreInput(rules(['web', 'db'], ['10.244.1.2']), rules(['web', 'db']), undefined);
    const declared = [...input.matchAll(/^:(\S+)/gm)].map((m) => m[1]!.slice(0, 8));
    expect(declared.sort()).toEqual(['KUBE-SEP', 'KUBE-SEP', 'KUBE-SEP', 'KUBE-SEP', 'KUBE-SVC', 'KUBE-SVC']);
    expect(input.match(/^-X KUBE-SEP/gm)).toHaveLength(4);
    expect(input).not.toContain('*filter');
  });

  test('what an earlier process left is removed', () => {
    const saved =
      '*nat\n:KUBE-SEP-OLD - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\nCOMMIT\n';
    const input = restoreInput(rules([]), undefined, parseSaved(saved));
    expect(input).toContain('-X KUBE-SEP-OLD');
    expect(input).not.toContain('-X KUBE-MARK-MASQ');
    expect(input).not.toContain('-I PREROUTING');
  });

  test('clean-up takes jumps and chains of ours, and leaves those of others', () => {
    const saved =
      '*filter\n:KUBE-FORWARD - [0:0]\n:KUBE-NWPLCY-1 - [0:0]\n-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD\nCOMMIT\n';
    const input = cleanupInput(parseSaved(saved));
    expect(input).toContain('-D FORWARD');
    expect(input).toContain('-X KUBE-FORWARD');
    expect(input).not.toContain('NWPLCY');
  });
});
