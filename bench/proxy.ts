// Service change -> rules in the kernel: all at once, and one endpoint of one Service. node bench/proxy.ts [iptables|nftables] [SERVICES…]
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { IptablesBackend } from '../agent/proxy/iptables-backend.ts';
import { NftablesBackend } from '../agent/proxy/nftables-backend.ts';
import { createPlanner } from '../agent/proxy/plan.ts';
import type { Service } from '../api/gen/types/core.v1.ts';
import type { EndpointSlice } from '../api/gen/types/discovery.v1.ts';
import { createNamedNetns, removeTree, unpinNamespace } from '../kit/linux/index.ts';

const backends = { iptables: IptablesBackend, nftables: NftablesBackend };
const [only, ...counts] = process.argv.slice(2);

const sliceOf = (n: number, ends: number): EndpointSlice => ({
  metadata: { namespace: 'default', name: `s${n}-1`, labels: { 'kubernetes.io/service-name': `s${n}` } },
  addressType: 'IPv4',
  ports: [{ port: 8080, protocol: 'TCP' }],
  endpoints: Array.from({ length: ends }, (_, e) => ({ addresses: [`10.${244 + e}.${n >> 7}.${(n & 127) + 1}`] })),
});

for (const name of Object.keys(backends) as (keyof typeof backends)[]) {
  if (only && only !== name) continue;
  for (const count of counts.length > 0 ? counts.map(Number) : [10, 1000, 10_000]) {
    const folder = mkdtempSync(`${tmpdir()}/bench-proxy-`);
    const netns = `${folder}/node`;
    createNamedNetns(netns);
    const backend = new backends[name]({ netns });
    const plan = createPlanner();
    const services = Array.from(
      { length: count },
      (_, n): Service => ({
        metadata: { namespace: 'default', name: `s${n}` },
        spec: { clusterIP: `10.0.${n >> 8}.${n & 255}`, ports: [{ port: 80, protocol: 'TCP' }] },
      }),
    );
    const slices = services.map((_, n) => sliceOf(n, 2));
    const step = async (change: () => void) => {
      change();
      const start = performance.now();
      const planned = plan({ services, slices, nodeName: 'here', clusterCIDR: '10.244.0.0/14' });
      const ready = performance.now();
      await backend.apply(planned);
      return { planMs: ready - start, allMs: performance.now() - start };
    };
    const full = await step(() => {});
    const changes: { planMs: number; allMs: number }[] = [];
    for (let n = 0; n < 7; n++) changes.push(await step(() => (slices[n] = sliceOf(n, 3))));
    const median = (key: 'planMs' | 'allMs') =>
      Number(
        changes
          .map((c) => c[key])
          .sort((a, b) => a - b)[3]!
          .toFixed(1),
      );
    console.log(
      JSON.stringify({
        bench: 'proxy',
        backend: name,
        services: count,
        fullMs: Math.round(full.allMs),
        changeMs: median('allMs'),
        ofThatPlanMs: median('planMs'),
      }),
    );
    unpinNamespace(netns);
    await removeTree(folder);
  }
}
