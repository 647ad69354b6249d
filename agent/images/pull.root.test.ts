// Pulls from a registry that misbehaves: a clear error, nothing left, and the next pull works.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../kit/exec/index.ts';
import { removeTree } from '../../kit/linux/index.ts';
import { sha256, type TestLayer, type TestManifest, testRegistry } from './hostile-registry.ts';
import { ImageStore, type PullOptions, type PullProgress, pullImage } from './index.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-pull-`);
let layers: TestLayer[];
let stores = 0;
const open = () => ImageStore.open(`${folder}/store-${stores++}`);

/** Random content: a blob that is larger than what sockets hold. */
async function layerOf(name: string, bytes: number): Promise<TestLayer> {
  mkdirSync(`${folder}/${name}`);
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 + name.length * 31) % 251));
  writeFileSync(`${folder}/${name}/${name}`, Buffer.concat(Array.from({ length: Math.ceil(bytes / 4096) }, () => noise)));
  await run('tar', ['-cf', `${folder}/${name}.tar`, '-C', `${folder}/${name}`, '.']);
  const tar = readFileSync(`${folder}/${name}.tar`);
  return { tar, blob: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
}

beforeAll(async () => {
  const [a, b, c] = [await layerOf('plain', 3_000_000), await layerOf('gzip', 5000), await layerOf('zstd', 5000)];
  layers = [
    a!,
    { ...b!, blob: gzipSync(b!.tar), mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
    { ...c!, blob: zstdCompressSync(c!.tar), mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
  ];
});
afterAll(() => removeTree(folder));

/** Does not wait between tries. */
const quick: PullOptions = { clock: { nowMs: () => 0, sleep: async () => {} } };
/** Only for what is silent: on a busy machine also an honest registry is, for a while. */
const impatient: PullOptions = { ...quick, stallMs: 300 };

test('layers may be plain, gzip and zstd; progress tells each; what is there is not fetched again', async () => {
  await using registry = await testRegistry();
  registry.image('x', layers);
  registry.image('y', [...layers, layers[1]!]); // an image may have a layer twice
  const store = await open();
  const seen: PullProgress[] = [];
  await pullImage(store, `${registry.host}/x`, { onProgress: (p) => seen.push(p) });
  expect(
    seen
      .filter((p) => p.state === 'done')
      .map((p) => p.size)
      .sort(),
  ).toEqual(layers.map((l) => l.blob.length).sort());
  const before = registry.requests.length;
  const image = await pullImage(store, `${registry.host}/y`);
  expect(image.layers).toHaveLength(4);
  expect(registry.requests.slice(before).filter((r) => r.path.includes('/blobs/'))).toHaveLength(1); // the configuration
  for (const name of ['plain', 'gzip', 'zstd'])
    expect(readdirSync(`${store.layersFolder}`).some((l) => readdirSync(`${store.layersFolder}/${l}`).includes(name))).toBe(true);
});

const answered = (_: unknown): true => true;

/** Each breaks one pull; the registry is itself again for the next one. */
const failures: {
  name: string;
  part: string;
  trick: Parameters<Awaited<ReturnType<typeof testRegistry>>['play']>[1];
  error: RegExp;
  kind?: string;
}[] = [
  {
    name: 'content that differs from its digest',
    part: '/blobs/PLAIN',
    trick: (_, response) => answered(response.end(Buffer.alloc(layers[0]!.blob.length))),
    error: /sha256:|not a tar/,
  },
  {
    name: 'a layer that always ends early',
    part: '/blobs/PLAIN',
    trick: (_, response) => {
      response.writeHead(206, { 'content-length': 0 }).end();
      return true;
    },
    error: /0 of \d+ bytes came/,
    kind: 'unavailable',
  },
  {
    name: 'more bytes than promised',
    part: '/blobs/PLAIN',
    trick: (_, response) => answered(response.end(Buffer.concat([layers[0]!.blob, Buffer.alloc(9)]))),
    error: /longer than the \d+ bytes/,
  },
  {
    name: 'a blob that stalls',
    part: '/blobs/PLAIN',
    trick: (_, response) => {
      response.writeHead(206, { 'content-length': 1000 }).flushHeaders();
      return true;
    },
    error: /no bytes for 0.3 s/,
    kind: 'unavailable',
  },
  { name: 'no answer at all', part: '/manifests/', trick: () => true, error: /no bytes for 0.3 s/, kind: 'unavailable' },
  {
    name: 'a redirect to itself',
    part: '/manifests/',
    trick: (request, response) => answered(response.writeHead(307, { location: request.url ?? '' }).end()),
    error: /stopped after 10 redirects/,
  },
  {
    name: 'a redirect to a file',
    part: '/manifests/',
    trick: (_, response) => answered(response.writeHead(307, { location: 'file:///etc/passwd' }).end()),
    error: /redirect to "file:/,
  },
  {
    name: '429 for long',
    part: '/manifests/',
    trick: (_, response) => answered(response.writeHead(429, { 'retry-after': '3600' }).end()),
    error: /429 Too Many Requests \(asks to try again after 3600 s\)/,
    kind: 'unavailable',
  },
  {
    name: '429 until a date',
    part: '/manifests/',
    trick: (_, response) => answered(response.writeHead(429, { 'retry-after': 'Thu, 01 Jan 1970 02:00:00 GMT' }).end()),
    error: /429 Too Many Requests \(asks to try again after 7200 s\)/,
    kind: 'unavailable',
  },
  {
    name: '500 again and again',
    part: '/manifests/',
    trick: (_, response) => answered(response.writeHead(500).end()),
    error: /unexpected status from GET request .* 500 Internal Server Error/,
    kind: 'unavailable',
  },
  {
    name: 'a web page',
    part: '/manifests/',
    trick: (_, response) => answered(response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>')),
    error: /web page \(text\/html\)/,
  },
  {
    name: 'a manifest without end',
    part: '/manifests/',
    trick: (_, response) => answered(response.end(Buffer.alloc(5 << 20, 32))),
    error: /more than 4194304 bytes/,
  },
  { name: 'no JSON', part: '/manifests/', trick: (_, response) => answered(response.end('hello')), error: /not a manifest: "hello"/ },
  {
    name: 'a million entries',
    part: '/manifests/',
    trick: (_, response) => answered(response.end(JSON.stringify({ manifests: Array(30_000).fill({ digest: sha256(''), size: 1 }) }))),
    error: /no match for platform/,
  },
  {
    name: 'an index that contains itself',
    part: '/manifests/',
    trick: (request, response) => {
      const platform = { os: 'linux', architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch };
      const digest = request.url?.includes('sha256:') ? sha256('x') : sha256('y');
      response.end(JSON.stringify({ manifests: [{ digest, size: 1, platform }] }));
      return true;
    },
    error: /content of sha256:\w+ is sha256:/,
  },
  {
    name: 'no access',
    part: '/manifests/',
    trick: (_, response) => answered(response.writeHead(403).end()),
    error: /pull access denied/,
    kind: 'unauthorized',
  },
];

test('indexes within indexes end at some depth; a configuration is checked as layers are; a loop over two hosts ends', async () => {
  await using registry = await testRegistry();
  await using other = await testRegistry();
  const digest = registry.image('x', layers);
  const platform = { os: 'linux', architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch };
  /** An index of what has the digest; its own one. */
  const indexOf = (inner: string, name: string): string => {
    const text = JSON.stringify({ schemaVersion: 2, manifests: [{ digest: inner, size: 1, platform }] });
    for (const reference of [name, sha256(text)])
      registry.manifests.set(`x:${reference}`, { type: 'application/vnd.oci.image.index.v1+json', text });
    return sha256(text);
  };
  let [inner, depth] = [digest, 0];
  while (depth < 4) inner = indexOf(inner, `deep${++depth}`);
  expect((await pullImage(await open(), `${registry.host}/x:deep3`, quick)).layers).toHaveLength(3);
  await expect(pullImage(await open(), `${registry.host}/x:deep4`, quick)).rejects.toThrow('indexes within indexes, more than 4 deep');

  const { config } = JSON.parse(registry.manifests.get('x:latest')!.text) as TestManifest;
  const configText = registry.blobs.get(config.digest)!;
  registry.blobs.set(config.digest, Buffer.from(configText.toString().replace('"os"', '"so"')));
  await expect(pullImage(await open(), `${registry.host}/x`, quick)).rejects.toThrow(`content of ${config.digest} is sha256:`);
  registry.blobs.set(config.digest, configText);
  expect((await pullImage(await open(), `${registry.host}/x`, quick)).layers).toHaveLength(3);

  for (const [from, to] of [[registry, other] as const, [other, registry] as const])
    from.play('/manifests/', ({ url }, response) => answered(response.writeHead(302, { location: `http://${to.host}${url}` }).end()));
  const withPassword = { ...quick, auth: { username: 'u', password: 'p' } };
  await expect(pullImage(await open(), `${registry.host}/x`, withPassword)).rejects.toThrow('stopped after 10 redirects');
  const [asked = 0, asking] = [other.requests.length, registry.requests.filter(({ headers }) => headers.authorization)];
  expect([asked, asking.length]).toEqual([5, 1]); // not even on the way back: the stranger may have made up where that leads
  expect(other.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

test.each(failures)('$name', async ({ part, trick, error, kind }) => {
  await using registry = await testRegistry();
  registry.image('x', layers);
  let broken = true;
  registry.play(part.replace('PLAIN', sha256(layers[0]!.blob)), (...args) => broken && trick(...args));
  const store = await open();
  const options = error.source.startsWith('no bytes') ? impatient : quick;
  const caught: unknown = await pullImage(store, `${registry.host}/x`, options).catch((e: unknown) => e);
  expect(caught).toBeInstanceOf(Error);
  expect((caught as Error).message).toMatch(error);
  if (kind) expect(caught).toMatchObject({ kind });
  expect(readdirSync(`${store.folder}/tmp`)).toEqual([]);
  expect(await store.list()).toEqual([]);
  broken = false;
  expect((await pullImage(store, `${registry.host}/x`, quick)).layers).toHaveLength(3);
});

test('a connection that breaks is taken up where it broke; 503 and a short 429 are asked again', async () => {
  await using registry = await testRegistry();
  registry.image('x', layers);
  const { blob } = layers[0]!;
  registry.play(`/blobs/${sha256(blob)}`, (request, response, count) => {
    if (count > 3) return false;
    const from = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': blob.length - from });
    response.write(blob.subarray(from, from + 700_000), () => response.destroy());
    return true;
  });
  registry.play('/manifests/', (_, response, count) => {
    if (count > 2) return false;
    response.writeHead(count === 1 ? 503 : 429, { 'retry-after': '1' }).end();
    return true;
  });
  await pullImage(await open(), `${registry.host}/x`, quick);
  const ranges = registry.requests.filter((r) => r.path.includes(sha256(blob))).map((r) => r.headers.range);
  expect(ranges.length).toBe(4);
  expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
});

test('credentials stay with the registry: a blob store to which it redirects gets none', async () => {
  await using registry = await testRegistry();
  await using other = await testRegistry();
  registry.image('x', layers);
  other.image('x', layers);
  registry.play('/blobs/', (request, response) => {
    response.writeHead(307, { location: `http://localhost:${other.host.split(':')[1]}${request.url}` }).end();
    return true;
  });
  await pullImage(await open(), `${registry.host}/x`, { ...quick, auth: { username: 'u', password: 'p' } });
  expect(registry.requests.every((r) => r.headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`)).toBe(true);
  expect(other.requests.length).toBeGreaterThan(0);
  expect(other.requests.every((r) => r.headers.authorization === undefined)).toBe(true);
});

test('a bearer token is fetched with a password, or with an identity token; it is fetched anew when it has run out', async () => {
  await using registry = await testRegistry();
  registry.image('x', layers);
  const asked: string[] = [];
  registry.play('/v2/', (request, response) => {
    if (request.headers.authorization === `Bearer t${asked.length}`) return false;
    response
      .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="s",scope="repository:x:pull"` })
      .end();
    return true;
  });
  registry.play('/token', (request, response) => {
    let form = '';
    request.on('data', (chunk: Buffer) => {
      form += chunk.toString();
    });
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''} ${form}`);
      response.end(JSON.stringify({ token: `t${asked.length}` }));
    });
    return true;
  });
  await pullImage(await open(), `${registry.host}/x`, { ...quick, auth: { username: 'u', password: 'p' } });
  expect(asked).toEqual([`GET /token?service=s&scope=repository%3Ax%3Apull Basic ${Buffer.from('u:p').toString('base64')} `]);
  await pullImage(await open(), `${registry.host}/x`, { ...quick, auth: { identityToken: 'secret' } });
  expect(asked[1]).toMatch(
    /^POST \/token {2}grant_type=refresh_token&service=s&client_id=wherry&scope=repository%3Ax%3Apull&refresh_token=secret$/,
  );
});

test('a mirror comes first, without credentials; when it lacks the image, is down or sends rubbish the registry is asked', async () => {
  await using registry = await testRegistry();
  registry.image('x', layers);
  const auth = { username: 'u', password: 'p' };
  const failed: string[] = [];
  const pullThrough = async (...hosts: string[]) => {
    const mirrors = { [registry.host]: hosts.map((host) => `http://${host}`) };
    failed.length = 0;
    const before = registry.requests.length;
    await pullImage(await open(), `${registry.host}/x`, { ...quick, mirrors, auth, onMirrorFailure: (endpoint) => failed.push(endpoint) });
    return registry.requests.length - before;
  };
  await using mirror = await testRegistry();
  expect(await pullThrough(mirror.host)).toBeGreaterThan(0);
  expect(failed).toEqual([`http://${mirror.host}`]);
  expect(mirror.requests.map((r) => r.headers.authorization)).toEqual([undefined]);

  mirror.image('x', layers);
  expect(await pullThrough(mirror.host)).toBe(0);
  expect(failed).toEqual([]);

  mirror.play(`/blobs/${sha256(layers[1]!.blob)}`, (_, response) => answered(response.end('<html>')));
  expect(await pullThrough('127.0.0.1:1', mirror.host)).toBeGreaterThan(0);
  expect(failed).toEqual(['http://127.0.0.1:1', `http://${mirror.host}`]);
});

test.each([
  ['foreign', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', /is foreign/],
  ['encrypted', 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted', /is encrypted/],
  ['no archive', 'application/vnd.cncf.helm.chart.content.v1.json', /no archive/],
])('a layer that is %s is refused before anything is fetched', async (_, mediaType, error) => {
  await using registry = await testRegistry();
  registry.image('x', layers, (manifest) => {
    manifest.layers[1]!.mediaType = mediaType;
  });
  await expect(pullImage(await open(), `${registry.host}/x`, quick)).rejects.toThrow(error);
  expect(registry.requests).toHaveLength(1);
});

test('a pull that is cancelled ends at once and leaves nothing', async () => {
  await using registry = await testRegistry();
  registry.image('x', layers);
  const stop = new AbortController();
  registry.play(`/blobs/${sha256(layers[0]!.blob)}`, (_, response) => {
    response.writeHead(200).write('x', () => stop.abort(new Error('enough')));
    return true;
  });
  const store = await open();
  await expect(pullImage(store, `${registry.host}/x`, { signal: stop.signal })).rejects.toThrow('enough');
  expect(readdirSync(`${store.folder}/tmp`)).toEqual([]);
});
