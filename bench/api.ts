// The API server beside its peer (etcd 3.6 with apiextensions-apiserver 0.36), one after the other with the same client in this process.
// Objects of 1 kB, durable writes. node bench/api.ts [--alone]: without the peer. Needs dist/ and, for the peer, Go.
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpsClient, RESOURCES, type Resource } from '../kit/client/index.ts';
import { waitFor } from '../kit/run/index.ts';
import { cpuSeconds, pssBytes } from '../rig/index.ts';
import { machine, rate, reportSamples as reportAll, report as reportOne, timed } from './measure.ts';
import { buildPeer, ours, peer, type Server } from './servers.ts';

const namespace = 'default';
const text = 'x'.repeat(700); // with metadata about 1 kB on the wire
const OBJECTS = 10_000;
const MANY = 100_000;

const custom: Resource = { group: 'bench.example.com', version: 'v1', plural: 'benches', kind: 'Bench', namespaced: true };
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${custom.plural}.${custom.group}` },
  spec: {
    group: custom.group,
    scope: 'Namespaced',
    names: { plural: custom.plural, singular: 'bench', kind: custom.kind, listKind: `${custom.kind}List` },
    versions: [
      {
        name: custom.version,
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', properties: { data: { type: 'object', additionalProperties: { type: 'string' } } } },
        },
      },
    ],
  },
};

const apiVersionOf = ({ group, version }: Resource) => (group ? `${group}/${version}` : version);
const pathOf = (resource: Resource) =>
  `/${resource.group ? 'apis' : 'api'}/${apiVersionOf(resource)}/namespaces/${namespace}/${resource.plural}`;
const objectOf = (resource: Resource, name: string) => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  metadata: { name, namespace, labels: { bench: 'yes' } },
  data: { text },
});

/** Rows of one server and one kind of objects: both have the same. */
class Rows {
  readonly server: Server;
  readonly resource: Resource;
  readonly #bench: string;

  constructor(server: Server, resource: Resource) {
    this.server = server;
    this.resource = resource;
    this.#bench = `api: ${server.name}, ${resource.plural}`;
  }

  report(what: string, unit: Parameters<typeof reportOne>[0]['unit'], value: number): void {
    reportOne({ bench: this.#bench, what, unit, value });
  }

  samples(what: string, samples: readonly number[]): void {
    reportAll(this.#bench, what, samples);
  }

  create(client: HttpsClient, name: string): Promise<unknown> {
    return client.create(this.resource, objectOf(this.resource, name), { namespace });
  }

  list(client: HttpsClient, query = ''): Promise<{ body: Uint8Array }> {
    return client.request('GET', pathOf(this.resource) + query, { timeoutMs: 60_000 });
  }

  cpuMs(): number {
    return this.server.pids().reduce((sum, pid) => sum + cpuSeconds(pid) * 1000, 0);
  }

  memoryMB(): number {
    return this.server.pids().reduce((sum, pid) => sum + pssBytes(pid), 0) / 1e6;
  }

  /** Reports requests a second and, with most clients, what one costs the server. */
  async rates(
    what: string,
    sizes: readonly (readonly [workers: number, count: number])[],
    work: (i: number, worker: number) => Promise<unknown>,
  ) {
    let first = 0;
    for (const [workers, count] of sizes) {
      const from = first;
      first += count;
      const before = this.cpuMs();
      this.report(`${what}, ${workers} clients`, '1/s', await rate(count, workers, (i, worker) => work(from + i, worker)));
      this.report(`${what}, ${workers} clients: CPU each`, 'ms', (this.cpuMs() - before) / count);
    }
  }
}

async function measure(rows: Rows): Promise<void> {
  const clients = Array.from({ length: 32 }, () => rows.server.connect());
  const first = clients[0]!;
  await rate(500, 8, (i, worker) => rows.create(clients[worker]!, `warm-${i}`));
  const creates = [
    [1, 1000],
    [8, 3000],
    [32, 3000],
  ] as const;
  await rows.rates('creates', creates, (i, worker) => rows.create(clients[worker]!, `c-${i}`));
  const gets = [
    [1, 2000],
    [8, 6000],
    [32, 6000],
  ] as const;
  await rows.rates('gets', gets, (i, worker) => clients[worker]!.get(rows.resource, `c-${i % 7000}`, { namespace }));
  await rate(OBJECTS - 7500, 32, (i, worker) => rows.create(clients[worker]!, `f-${i}`));
  await lists(rows, clients);
  await sleep(1000); // what the last answers held is given back, if it is
  rows.report(`memory with ${OBJECTS} objects (PSS)`, 'MB', rows.memoryMB());
  for (const watchers of [1, 500]) await watches(rows, clients, watchers);
  rows.report(`memory after 500 watches (PSS)`, 'MB', rows.memoryMB());
  await initialEvents(rows, clients);
  await first.request('DELETE', pathOf(rows.resource), { timeoutMs: 120_000 });
  await Promise.all(clients.map((client) => client.close()));
}

async function lists(rows: Rows, clients: readonly HttpsClient[]): Promise<void> {
  for (const limit of [1000, OBJECTS]) {
    const samples: number[] = [];
    let bytes = 0;
    const before = rows.cpuMs();
    for (let i = 0; i < 7; i++)
      samples.push(
        await timed(async () => void (bytes = (await rows.list(clients[0]!, limit < OBJECTS ? `?limit=${limit}` : '')).body.length)),
      );
    rows.report(`list of ${limit}: CPU each`, 'ms', (rows.cpuMs() - before) / samples.length);
    rows.samples(`list of ${limit}`, samples);
    rows.report(`list of ${limit}`, 'MB/s', bytes / 1e3 / samples.toSorted((a, b) => a - b)[3]!);
  }
  rows.report(
    `eight lists of ${OBJECTS} at once`,
    'ms',
    await timed(() => Promise.all(clients.slice(0, 8).map((client) => rows.list(client)))),
  );
  rows.report('longest wait of another request meanwhile', 'ms', await longestWait(rows.server, () => rows.list(clients[0]!)));
}

/** Of small requests one after the other on a connection of their own, while `work` goes on: what a busy event loop looks like from outside. */
async function longestWait(server: Server, work: () => Promise<unknown>): Promise<number> {
  const client = server.connect();
  await client.request('GET', '/livez');
  let going = true;
  let longest = 0;
  const probe = (async () => {
    while (going) {
      longest = Math.max(longest, await timed(() => client.request('GET', '/livez')));
      await sleep(1);
    }
  })();
  for (let i = 0; i < 3; i++) await work();
  going = false;
  await probe;
  await client.close();
  return longest;
}

/** From the beginning of a create to the moment when the last of the watchers has its event. */
async function watches(rows: Rows, clients: readonly HttpsClient[], watchers: number): Promise<void> {
  const stop = new AbortController();
  const seen = new Map<string, { count: number; lastMs: number }>();
  const { body } = await rows.list(clients[0]!, '?limit=1');
  const { resourceVersion } = (JSON.parse(Buffer.from(body).toString()) as { metadata: { resourceVersion: string } }).metadata;
  const watching = clients.slice(0, watchers === 1 ? 1 : 20);
  for (let i = 0; i < watchers; i++) {
    void (async () => {
      for await (const event of watching[i % watching.length]!.watch(rows.resource, { namespace, resourceVersion }, stop.signal)) {
        const name = event.object.metadata.name ?? '';
        seen.set(name, { count: (seen.get(name)?.count ?? 0) + 1, lastMs: performance.now() });
      }
    })().catch(() => {});
  }
  const samples: number[] = [];
  for (let i = -1; i < 200; i++) {
    const name = `w-${watchers}-${i}`;
    const started = performance.now();
    await rows.create(clients[31]!, name);
    await waitFor({ what: `event ${name}`, timeoutMs: 30_000, everyMs: 1 }, () => seen.get(name)?.count === watchers);
    if (i >= 0) samples.push(seen.get(name)!.lastMs - started); // the first waits until all watch
  }
  rows.samples(watchers === 1 ? 'create to event, 1 watcher' : `create to event, the last of ${watchers} watchers`, samples);
  stop.abort();
}

/** Twenty clients that begin with everything, as informers do; nobody parses here. */
async function initialEvents(rows: Rows, clients: readonly HttpsClient[]): Promise<void> {
  const stop = new AbortController();
  const end = '"k8s.io/initial-events-end"';
  const query = '?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
  const read = async (client: HttpsClient) => {
    const { body } = await client.stream('GET', pathOf(rows.resource) + query, { signal: stop.signal });
    let tail = '';
    for await (const chunk of body) {
      tail = tail.slice(-200) + Buffer.from(chunk.subarray(-1000)).toString('latin1');
      if (tail.includes(end)) return;
    }
  };
  const ms = await timed(() => Promise.all(Array.from({ length: 20 }, (_, i) => read(clients[i % clients.length]!))));
  rows.report(`20 watches with ${OBJECTS} initial events`, 'ms', ms);
  rows.report('memory then (PSS)', 'MB', rows.memoryMB());
  stop.abort();
}

const startTime = async (rows: Rows, what: string) => rows.report(`start to readyz, ${what}`, 'ms', await timed(() => rows.server.start()));

/** Stopped, given many objects (and pods, where there are such) behind its back, and started again. */
async function startWithMany(rows: Rows, pods: number): Promise<void> {
  const { server, resource } = rows;
  await server.stop();
  await server.withStore(async (store) => {
    const value = (object: { metadata: object }, i: number) => {
      const metadata = {
        ...object.metadata,
        uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
      };
      return Buffer.from(JSON.stringify({ ...object, metadata }));
    };
    const write = (resource: Resource, prefix: string, i: number, more = {}) => ({
      key: `/registry/${resource.group || 'core'}/${resource.plural}/${namespace}/${prefix}-${i}`,
      value: value({ ...objectOf(resource, `${prefix}-${i}`), ...more }, i),
      ifRevision: 'any' as const,
    });
    const spec = { nodeName: 'nowhere', containers: [{ name: 'main', image: 'example.com/image:1' }] };
    const status = { phase: 'Running', podIP: '10.0.0.1' };
    for (let i = 0; i < MANY; i += 100) await store.commit(Array.from({ length: 100 }, (_, k) => write(resource, 'many', i + k)));
    for (let i = 0; i < pods; i += 100)
      await store.commit(Array.from({ length: 100 }, (_, k) => write(RESOURCES.pods, 'pod', i + k, { spec, status })));
  });
  await startTime(rows, `${MANY} objects`);
  const client = server.connect();
  rows.report(`first get with ${MANY} objects`, 'ms', await timed(() => client.get(resource, 'many-1', { namespace })));
  rows.report(`memory with ${MANY} objects (PSS)`, 'MB', rows.memoryMB());
  if (pods) {
    const get = (accept?: string) => client.request('GET', '/api/v1/pods', accept ? { headers: { accept } } : {});
    rows.report(`longest wait while ${pods} pods are listed`, 'ms', await longestWait(server, () => get()));
    const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    rows.report(`longest wait while ${pods} pods are listed as tables`, 'ms', await longestWait(server, () => get(table)));
  }
  await client.close();
}

async function all(server: Server, kinds: readonly Resource[], pods: number): Promise<void> {
  await startTime(new Rows(server, custom), 'an empty store, the first time');
  await server.stop();
  await startTime(new Rows(server, custom), 'an empty store');
  const client = server.connect();
  await client.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition });
  await waitFor({ what: 'the definition', timeoutMs: 30_000 }, async () => (await client.request('GET', pathOf(custom))).status === 200);
  await client.close();
  for (const resource of kinds) await measure(new Rows(server, resource));
  await startWithMany(new Rows(server, custom), pods);
}

process.stderr.write(`${machine()}\n`);
{
  await using server = await ours();
  await all(server, [RESOURCES.configmaps, custom], OBJECTS);
}
if (!process.argv.includes('--alone')) {
  await using server = await peer(await buildPeer(process.env['WHERRY_BENCH_PEER'] ?? '.cache/peer'));
  await all(server, [custom], 0);
}
process.exit(0);
