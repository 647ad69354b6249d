// The API server under load from this process: creates, gets, lists, watches. Objects of 1 kB, durable writes.
import { createClientFromKubeconfig, type HttpsClient, RESOURCES } from '../kit/client/index.ts';
import { waitFor } from '../kit/run/index.ts';
import { pssBytes, startCluster, status } from '../rig/index.ts';
import { rate, report, reportSamples, timed } from './measure.ts';

const bench = 'api';
const namespace = 'default';
const text = 'x'.repeat(700); // with metadata about 1 kB on the wire
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { bench: 'yes' } }, data: { text } });

await using cluster = await startCluster();
const connect = (count: number): Promise<HttpsClient[]> =>
  Promise.all(Array.from({ length: count }, () => createClientFromKubeconfig(cluster.kubeconfig, 'bench')));
const clients = await connect(32);

await rate(500, 8, (i, w) => clients[w]!.create(RESOURCES.configmaps, configMap(`warm-${i}`), { namespace }));
let made = 0;
for (const workers of [1, 8, 32]) {
  const count = workers === 1 ? 1000 : 3000;
  const first = made;
  made += count;
  report({
    bench,
    what: `creates, ${workers} clients`,
    unit: '1/s',
    value: await rate(count, workers, (i, w) => clients[w]!.create(RESOURCES.configmaps, configMap(`c-${first + i}`), { namespace })),
  });
}
for (const workers of [1, 8, 32]) {
  const count = workers === 1 ? 2000 : 6000;
  report({
    bench,
    what: `gets, ${workers} clients`,
    unit: '1/s',
    value: await rate(count, workers, (i, w) => clients[w]!.get(RESOURCES.configmaps, `c-${i % made}`, { namespace })),
  });
}
await rate(10_000 - made - 500, 32, (i, w) => clients[w]!.create(RESOURCES.configmaps, configMap(`f-${i}`), { namespace }));
const list = (client: HttpsClient, limit: number) =>
  client.request('GET', `/api/v1/namespaces/${namespace}/configmaps${limit ? `?limit=${limit}` : ''}`);
for (const limit of [1000, 0]) {
  const samples: number[] = [];
  for (let i = 0; i < 7; i++) samples.push(await timed(() => list(clients[0]!, limit)));
  reportSamples(bench, `list of ${limit || 10_000}`, samples);
}
report({
  bench,
  what: 'eight lists of 10,000 at once',
  unit: 'ms',
  value: await timed(() => Promise.all(clients.slice(0, 8).map((c) => list(c, 0)))),
});
const server = (await status(cluster.name)).find((part) => part.part === 'control-plane');
report({ bench, what: 'memory with 10,000 objects (PSS)', unit: 'MB', value: pssBytes(server?.pid ?? 0) / 1e6 });

for (const watchers of [1, 500]) {
  const stop = new AbortController();
  const seen = new Map<string, number>();
  const last = new Map<string, number>();
  const open = watchers === 1 ? clients.slice(0, 1) : clients.slice(0, 20);
  for (let i = 0; i < watchers; i++) {
    void (async () => {
      for await (const event of open[i % open.length]!.watch(RESOURCES.secrets, { namespace, resourceVersion: '0' }, stop.signal)) {
        const name = event.object.metadata.name ?? '';
        seen.set(name, (seen.get(name) ?? 0) + 1);
        last.set(name, performance.now());
      }
    })().catch(() => {});
  }
  const samples: number[] = [];
  const rounds = watchers === 1 ? 200 : 30;
  const create = (name: string) =>
    clients[31]!.create(RESOURCES.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { text } }, { namespace });
  await create(`sync-${watchers}`);
  await waitFor({ what: 'watchers', timeoutMs: 20_000 }, () => seen.get(`sync-${watchers}`) === watchers);
  for (let i = 0; i < rounds; i++) {
    const name = `w-${watchers}-${i}`;
    const started = performance.now();
    await create(name);
    await waitFor({ what: `event ${name}`, timeoutMs: 10_000, everyMs: 1 }, () => seen.get(name) === watchers);
    samples.push(last.get(name)! - started);
  }
  reportSamples(bench, watchers === 1 ? 'create to event, 1 watcher' : 'create to event, the last of 500 watchers', samples);
  stop.abort();
}
await Promise.all(clients.map((client) => client.close()));
