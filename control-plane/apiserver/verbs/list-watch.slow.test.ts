// Lists and watches as clients see them: versions asked for, pages, history, forms.
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kinds } from '../../../api/kinds/index.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { openStore, type Store } from '../../store/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';

let store: Store;
let world: TestServer;
beforeAll(async () => {
  store = await openStore({ driver: 'memory' });
  world = await startTestServer({ store });
});
afterAll(() => world.close());

const maps = RESOURCES.configmaps;
const map = (namespace: string, name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});
const create = (namespace: string, name: string, data = {}) => world.client.create<KubeObject>(maps, map(namespace, name, data));
const versionOf = (object: KubeObject): number => Number(object.metadata.resourceVersion);
/** Each test has a namespace of its own; no controller looks whether it is there. */
const path = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

async function get(url: string, server: TestServer = world): Promise<{ status: number; json: any }> {
  const answer = await server.client.request('GET', url, {});
  return { status: answer.status, json: JSON.parse(Buffer.from(answer.body).toString()) };
}
const namesOf = (list: { items: KubeObject[] }): string[] => list.items.map(({ metadata }) => metadata.name!);

/** The same store for a second server, which does not close it. */
const shared = (one: Store): Store =>
  new Proxy(one, {
    get(target, key) {
      if (key === 'close') return async () => {};
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });

/** Reads a stream until `enough` of it has come; then the connection is closed. */
function stream(
  url: string,
  accept: string,
  enough: (bytes: Buffer) => boolean,
  server = world,
  opened = () => {},
): Promise<{ type: string; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(`${server.url}${url}`, { ca: server.ca, headers: { accept } }, (answer) => {
      opened();
      let bytes = Buffer.alloc(0);
      const done = () => {
        outgoing.destroy();
        resolve({ type: answer.headers['content-type'] ?? '', bytes });
      };
      answer.on('data', (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (enough(bytes)) done();
      });
      answer.on('end', done);
    });
    outgoing.on('error', reject);
    outgoing.setTimeout(5000, () => reject(new Error(`nothing more came of ${url}`)));
    outgoing.end();
  });
}

const linesOf = (bytes: Buffer): any[] =>
  bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const watch = async (url: string, count: number, accept = 'application/json', server = world): Promise<any[]> =>
  linesOf((await stream(url, accept, (bytes) => bytes.toString().split('\n').length > count, server)).bytes);

describe('the version that a list is asked for', () => {
  let before: number;
  let between: number;
  beforeAll(async () => {
    before = versionOf(await create('versions', 'a'));
    between = versionOf(await create('versions', 'b'));
    await world.client.delete(maps, 'a', { namespace: 'versions' });
  });

  test.each([
    ['', ['b']],
    ['resourceVersion=0', ['b']],
    ['resourceVersion={before}', ['b']],
    ['resourceVersion={before}&resourceVersionMatch=NotOlderThan', ['b']],
    ['resourceVersion=0&resourceVersionMatch=NotOlderThan', ['b']],
    ['resourceVersion={before}&resourceVersionMatch=Exact', ['a']],
    ['resourceVersion={between}&resourceVersionMatch=Exact', ['a', 'b']],
    ['resourceVersion={before}&limit=5', ['a']],
    ['resourceVersion=0&limit=5', ['b']],
    ['resourceVersion={before}&limit=5&resourceVersionMatch=NotOlderThan', ['b']],
  ])('%j shows %j', async (query, names) => {
    const filled = query.replace('{before}', String(before)).replace('{between}', String(between));
    const { json } = await get(`${path('versions')}?${filled}`);
    expect(namesOf(json)).toEqual(names);
    if (/Exact$|\}&limit=5$/.test(query)) expect(json.metadata.resourceVersion).toBe(/resourceVersion=(\d+)/.exec(filled)![1]);
    else expect(Number(json.metadata.resourceVersion)).toBeGreaterThan(between);
  });

  test.each([
    ['resourceVersionMatch=Exact', 422, 'resourceVersionMatch is forbidden unless resourceVersion is provided'],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'],
    ['resourceVersion=1&resourceVersionMatch=Some', 422, 'supported values: "Exact", "NotOlderThan"'],
    ['resourceVersion=1&resourceVersionMatch=Exact&continue=x', 422, 'resourceVersionMatch is forbidden when continue is provided'],
    ['sendInitialEvents=true', 422, 'sendInitialEvents is forbidden for list'],
    ['resourceVersion=x', 400, 'strconv.ParseUint: parsing "x": invalid syntax'],
    ['limit=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['limit=9223372036854775808', 400, 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
    ['timeoutSeconds=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['continue=x', 400, 'invalid continue token'],
    ['continue=x&resourceVersion=5', 400, 'invalid continue token'],
    ['watch=1&resourceVersionMatch=NotOlderThan', 422, 'forbidden for watch unless sendInitialEvents is provided'],
    ['watch=1&sendInitialEvents=true', 422, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
    ['watch=1&sendInitialEvents=true&resourceVersionMatch=Exact', 422, 'supported values: "NotOlderThan"'],
    ['watch=1&resourceVersion=x', 500, 'strconv.ParseUint: parsing "x": invalid syntax'],
    ['watch=1&continue=x', 422, 'resourceVersionMatch is forbidden when continue is provided'],
    ['labelSelector=a%3D%3D%3Db', 400, 'found'],
    ['fieldSelector=spec.x%3D1', 400, '"spec.x" is not a known field selector'],
  ])('%s is %i', async (query, status, text) => {
    const answer = await get(`${path('versions')}?${query}`);
    expect(answer.status).toBe(status);
    expect(answer.json.message).toContain(text);
  });

  test('a version of the future is not waited for without end', async () => {
    const { status, json } = await get(`${path('versions')}?resourceVersion=${Number.MAX_SAFE_INTEGER}`);
    expect(status).toBe(504);
    expect(json).toMatchObject({ reason: 'Timeout', details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge' }] } });
    expect(json.message).toMatch(/Too large resource version: 9007199254740991, current: \d+$/);
  });
});

describe('pages', () => {
  test('come to the same objects as one list, each once, in order, of one version', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await create('pages', name);
    const seen: string[] = [];
    const versions = new Set<string>();
    const left: (number | undefined)[] = [];
    let token: string | undefined = '';
    while (token !== undefined) {
      const { json } = await get(`${path('pages')}?limit=2${token ? `&continue=${token}` : ''}`);
      seen.push(...namesOf(json));
      versions.add(json.metadata.resourceVersion);
      left.push(json.metadata.remainingItemCount);
      token = json.metadata.continue;
      await create('pages', `new-${seen.length}`);
    }
    expect(seen).toEqual(names);
    expect(versions.size).toBe(1);
    expect(left).toEqual([3, 1, undefined]);
  });

  test('a name is selected in one namespace and over all', async () => {
    for (const name of ['one', 'other']) await create('selected', name);
    for (const where of [path('selected'), '/api/v1/configmaps']) {
      const { status, json } = await get(`${where}?fieldSelector=metadata.name%3Done`);
      expect([status, status === 200 && namesOf(json)]).toEqual([200, ['one']]);
    }
    expect((await get('/api/v1/configmaps/one')).status).toBe(404);
  });

  test('with a selector nobody counts what remains', async () => {
    const { json } = await get(`${path('pages')}?limit=1&fieldSelector=metadata.name%21%3Da`);
    expect(json.metadata.continue).toBeTruthy();
    expect(json.metadata.remainingItemCount).toBeUndefined();
  });

  test('a token whose version is gone: 410 with a token for the rest as it is now', async () => {
    for (const name of ['a', 'b', 'c']) await create('expired', name);
    const first = await get(`${path('expired')}?limit=1`);
    await world.client.delete(maps, 'b', { namespace: 'expired' });
    await store.compact(BigInt(versionOf(await create('expired', 'd'))));
    const second = await get(`${path('expired')}?limit=1&continue=${first.json.metadata.continue}`);
    expect(second).toMatchObject({ status: 410, json: { reason: 'Expired', code: 410 } });
    const rest = await get(`${path('expired')}?continue=${second.json.metadata.continue}`);
    expect(namesOf(rest.json)).toEqual(['c', 'd']);
    const exact = await get(`${path('expired')}?resourceVersion=${first.json.metadata.resourceVersion}&resourceVersionMatch=Exact`);
    expect(exact).toMatchObject({ status: 410, json: { reason: 'Expired' } });
  });
});

describe('watches', () => {
  test('after a version only later changes come, and no gap lies between a list and its watch', async () => {
    await create('after', 'a');
    const { json } = await get(path('after'));
    await create('after', 'b');
    await world.client.delete(maps, 'a', { namespace: 'after' });
    const events = await watch(`${path('after')}?watch=1&resourceVersion=${json.metadata.resourceVersion}`, 2);
    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'b'],
      ['DELETED', 'a'],
    ]);
    expect(versionOf(events[1].object)).toBeGreaterThan(versionOf(events[0].object));
  });

  test.each(['', '&resourceVersion=0'])('without a version (%j) what is there comes first', async (query) => {
    const namespace = `first${query.length}`;
    await create(namespace, 'a');
    await create(namespace, 'b');
    const events = await watch(`${path(namespace)}?watch=1${query}`, 2);
    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'a'],
      ['ADDED', 'b'],
    ]);
  });

  test('from a version of the future only what is later comes', async () => {
    const first = await create('ahead', 'first');
    const asked = versionOf(first) + 2;
    const url = `${path('ahead')}?watch=1&resourceVersion=${asked}`;
    let lines: ReturnType<typeof stream> | undefined;
    await new Promise<void>((opened) => {
      lines = stream(url, 'application/json', (bytes) => bytes.includes('"last"'), world, opened);
    });
    // One after the other, so that each has a version of its own; the last is beyond what was asked for, whoever else writes.
    const made: KubeObject[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'last']) made.push(await create('ahead', name));
    const events = (await lines!).bytes.toString().trim().split('\n');
    const seen = events.map((line) => (JSON.parse(line) as { object: KubeObject }).object.metadata.name);
    expect(seen).toEqual(made.filter((object) => versionOf(object) > asked).map(({ metadata }) => metadata.name));
  });

  test('all that is there in a version of the future: an error in its place, after a while', async () => {
    const query = 'watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const { bytes } = await stream(`${path('ahead')}?${query}&resourceVersion=${Number.MAX_SAFE_INTEGER}`, 'application/json', () => false);
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    expect(JSON.parse(bytes.toString())).toMatchObject({ type: 'ERROR', object: { code: 504, reason: 'Timeout', details: { causes } } });
  });

  test('sendInitialEvents=false begins now', async () => {
    await create('now', 'a');
    const url = `${path('now')}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`;
    expect(await watch(url, 1)).toEqual([]);
  });

  test('a list by watch without bookmarks is all of it, without an end', async () => {
    await create('unmarked', 'a');
    const url = `${path('unmarked')}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`;
    expect((await watch(url, 2)).map(({ type }) => type)).toEqual(['ADDED']);
  });

  test('a list by watch: all of it, then a bookmark that says so, not older than any of it', async () => {
    await create('initial', 'a');
    const last = await create('initial', 'b');
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const events = await watch(`${path('initial')}?${query}`, 3);
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
    expect(events[2].object).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
    expect(versionOf(events[2].object)).toBeGreaterThanOrEqual(versionOf(last));
  });

  test('a server that has just started knows the history of the one before', async () => {
    const first = await create('restart', 'a', { a: '1' });
    await world.client.patch(maps, 'a', 'merge', { data: { a: '2' } }, { namespace: 'restart' });
    await world.client.delete(maps, 'a', { namespace: 'restart' });
    const next = await startTestServer({ store: shared(store) });
    try {
      const events = await watch(`${path('restart')}?watch=1&resourceVersion=${versionOf(first)}`, 2, 'application/json', next);
      expect(events.map(({ type, object }) => [type, object.data.a])).toEqual([
        ['MODIFIED', '2'],
        ['DELETED', '2'],
      ]);
    } finally {
      await next.close();
    }
  });

  test('a version before what is kept is 410, as the only event', async () => {
    const old = versionOf(await create('old', 'a'));
    const kept = versionOf(await create('old', 'b'));
    await store.compact(BigInt(kept));
    const next = await startTestServer({ store: shared(store) });
    try {
      const answer = await get(`${path('old')}?watch=1&resourceVersion=${old - 1}`, next);
      expect(answer.json).toMatchObject({ type: 'ERROR', object: { status: 'Failure', code: 410, reason: 'Expired' } });
      expect(answer.json.object.message).toMatch(/^too old resource version: \d+ \(\d+\)$/);
    } finally {
      await next.close();
    }
  });

  test('metadata alone, and Tables whose first event names the columns', async () => {
    await create('forms', 'a', { k: 'v' });
    await create('forms', 'b');
    const as = (kind: string) => `application/json;as=${kind};v=v1;g=meta.k8s.io`;
    const partial = await watch(`${path('forms')}?watch=1`, 2, as('PartialObjectMetadata'));
    expect(partial[0].object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a' } });
    expect(partial[0].object.data).toBeUndefined();
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const tables = await watch(`${path('forms')}?${query}`, 3, as('Table'));
    expect(tables.map(({ object }) => object.columnDefinitions?.length ?? null)).toEqual([3, null, null]);
    expect(tables[0].object.rows[0].cells.slice(0, 2)).toEqual(['a', 1]);
    expect(tables[2]).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Table', rows: [{ cells: ['', 0, '<unknown>'] }] } });
  });

  test('each kind has a row for a bookmark', async () => {
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    for (const kind of kinds.filter(({ verbs }) => verbs.includes('watch'))) {
      const url = `${kind.group === '' ? '/api/' : `/apis/${kind.group}/`}${kind.version}/${kind.plural}?${query}`;
      const events = await watch(url, 1, 'application/json;as=Table;v=v1;g=meta.k8s.io');
      expect(events.at(-1), url).toMatchObject({ object: { kind: 'Table' } });
    }
  });

  test('protobuf: frames of length and event, each object in its envelope', async () => {
    await create('frames', 'a', { k: 'v' });
    const { type, bytes } = await stream(
      `${path('frames')}?watch=1`,
      'application/vnd.kubernetes.protobuf;stream=watch',
      (all) => all.length > 4 && all.length >= 4 + all.readUInt32BE(0),
    );
    expect(type).toBe('application/vnd.kubernetes.protobuf;stream=watch');
    const length = bytes.readUInt32BE(0);
    expect(bytes.length).toBe(4 + length);
    expect(bytes.subarray(4, 11)).toEqual(Buffer.from('\n\x05ADDED'));
    expect(bytes.subarray(11).includes(Buffer.from('k8s\0'))).toBe(true);
    expect(bytes.includes(Buffer.from('ConfigMap'))).toBe(true);
  });

  test.each(['application/yaml', 'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io'])(
    '%s cannot be streamed',
    async (accept) => {
      const answer = await world.client.request('GET', `${path('frames')}?watch=1`, { headers: { accept } });
      expect(answer.status).toBe(406);
    },
  );

  test('a watch ends after its time', async () => {
    const { bytes } = await stream(`${path('ends')}?watch=1&timeoutSeconds=1`, 'application/json', () => false);
    expect(bytes.length).toBe(0);
  });
});
