// The embedded store: durable creates and gets per second with N clients, delay to a watcher, reopening. node bench/store.ts [SECONDS]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../control-plane/store/index.ts';

const seconds = Number(process.argv[2] ?? 2);
const folder = mkdtempSync(join(tmpdir(), 'store-bench-'));
const path = join(folder, 'store.db');
let store = await openStore({ driver: 'embedded', path });
const percentile = (sorted: number[], p: number) => Number(sorted[Math.floor(sorted.length * p)]?.toFixed(2));
const tell = (line: object) => console.log(JSON.stringify({ bench: 'store', ...line }));

const value = new Uint8Array(1000).fill(65);
let id = 0;
const operations = {
  create: () => store.commit([{ key: `/registry/configmaps/default/${id++}`, value, ifRevision: 'absent' }]),
  get: () => store.get(`/registry/configmaps/default/${Math.floor(Math.random() * id)}`),
};
for (const [operation, run] of Object.entries(operations)) {
  for (const clients of [1, 8, 32]) {
    const latencies: number[] = [];
    const began = performance.now();
    const client = async () => {
      while (performance.now() - began < seconds * 1000) {
        const start = performance.now();
        for (let n = 0; n < (operation === 'get' ? 100 : 1); n++) await run();
        latencies.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    const perSecond = Math.round((latencies.length * (operation === 'get' ? 100 : 1)) / ((performance.now() - began) / 1000));
    latencies.sort((a, b) => a - b);
    tell({
      operation,
      clients,
      perSecond,
      ...(operation === 'create' ? { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) } : {}),
    });
  }
}

const stop = new AbortController();
const delays: number[] = [];
const begun: number[] = [];
const watching = (async () => {
  for await (const { changes } of store.watch('/registry/', await store.revision(), stop.signal))
    for (const _ of changes) delays.push(performance.now() - begun[delays.length]!);
})();
for (let i = 0; i < 500; i++) {
  begun.push(performance.now());
  await operations.create();
}
stop.abort();
await watching;
tell({
  operation: 'create to watcher',
  p50Ms: percentile(
    delays.sort((a, b) => a - b),
    0.5,
  ),
  p99Ms: percentile(delays, 0.99),
});

await store.close();
const opening = performance.now();
store = await openStore({ driver: 'embedded', path });
tell({ operation: 'reopen', objects: id, ms: Math.round(performance.now() - opening) });
const listing = performance.now();
const { entries } = await store.list('/registry/', { limit: 10_000 });
tell({ operation: 'list', objects: entries.length, ms: Number((performance.now() - listing).toFixed(1)) });
await store.close();
rmSync(folder, { recursive: true });
