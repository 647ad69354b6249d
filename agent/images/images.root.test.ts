// Archives and pulls into a store of this test's own; images are made here from busybox by tar.
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitOf, run, start } from '../../kit/exec/index.ts';
import { mountOverlay, removeTree } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { ImageStore, importArchive, pullImage } from './index.ts';
import { busyboxArchive, dockerArchive } from './testing.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-images-`);
let tar: string;
beforeAll(async () => {
  tar = await busyboxArchive(folder, 'wherry/test:1');
});
afterAll(() => removeTree(folder));

const open = (name: string) => ImageStore.open(`${folder}/${name}`);

test('an archive becomes an image that is found by every name of it', async () => {
  const store = await open('a');
  expect(await importArchive(store, tar)).toEqual(['docker.io/wherry/test:1']);
  expect(await importArchive(store, tar)).toEqual(['docker.io/wherry/test:1']);
  const image = await store.find('wherry/test:1');
  expect(image?.config).toMatchObject({
    env: ['PATH=/bin', 'GREETING=hello'],
    cmd: ['sh'],
    user: '',
    workingDir: '/',
    stopSignal: 'SIGUSR1',
  });
  for (const name of [image!.id, image!.id.slice(7), image!.id.slice(7, 19), 'docker.io/wherry/test:1'])
    expect((await store.find(name))?.id).toBe(image?.id);
  expect(await store.find('wherry/test:2')).toBeUndefined();
  expect(readdirSync(`${folder}/a/tmp`)).toEqual([]);
  const again = await open('a');
  expect((await again.list()).map((i) => i.tags)).toEqual([['docker.io/wherry/test:1']]);
  await again.remove('wherry/test:1');
  await again.remove('wherry/test:1');
  expect(await store.find('wherry/test:1')).toBeUndefined();
});

test('two agents that import the same archive at once share its layers', async () => {
  const stores = await Promise.all([open('shared'), open('shared'), open('shared')]);
  const names = await Promise.all(stores.map((store) => importArchive(store, tar)));
  expect(new Set(names.flat())).toEqual(new Set(['docker.io/wherry/test:1']));
  expect(readdirSync(`${folder}/shared/layers`)).toHaveLength(1);
  expect(readdirSync(`${folder}/shared/tmp`)).toEqual([]);
  expect(await stores[0]!.list()).toHaveLength(1);
});

test('whiteouts hide what lies below', async () => {
  const store = await open('w');
  const upper = `${folder}/upper`;
  mkdirSync(`${upper}/etc/opaque`, { recursive: true });
  writeFileSync(`${upper}/etc/.wh.gone`, '');
  writeFileSync(`${upper}/etc/opaque/.wh..wh..opq`, '');
  writeFileSync(`${upper}/etc/opaque/new`, '');
  const lower = `${folder}/lower`;
  mkdirSync(`${lower}/etc/opaque`, { recursive: true });
  for (const name of ['gone', 'kept', 'opaque/old']) writeFileSync(`${lower}/etc/${name}`, '');
  await importArchive(store, await dockerArchive(folder, 'whiteouts', [lower, upper], {}));
  const image = (await store.find('whiteouts'))!;
  const target = `${folder}/merged`;
  for (const name of [target, `${target}-upper`, `${target}-work`]) mkdirSync(name);
  mountOverlay(target, {
    cwd: store.layersFolder,
    layers: image.layers.toReversed().map((l) => store.layerName(l)),
    upper: `${target}-upper`,
    work: `${target}-work`,
  });
  expect(readdirSync(`${target}/etc`).sort()).toEqual(['kept', 'opaque']);
  expect(readdirSync(`${target}/etc/opaque`)).toEqual(['new']);
});

test('a layer cannot write outside of its folder', async () => {
  const store = await open('e');
  const evil = `${folder}/evil`;
  mkdirSync(`${evil}/x`, { recursive: true });
  symlinkSync('/', `${evil}/root`);
  await run('tar', ['-cf', `${folder}/evil1.tar`, '-C', evil, 'root']);
  writeFileSync(`${evil}/x/file`, 'x');
  await run('tar', ['-rf', `${folder}/evil1.tar`, '-C', `${evil}/x`, `--transform=s#^file#root${folder}/escaped#`, 'file']);
  await importArchive(store, await dockerArchive(folder, 'evil', [], {}, [`${folder}/evil1.tar`])).catch(() => {});
  expect(() => lstatSync(`${folder}/escaped`)).toThrow('ENOENT');
});

test('content that differs from its digest is refused and leaves nothing', async () => {
  const store = await open('d');
  const broken = `${folder}/broken`;
  mkdirSync(broken);
  await run('tar', ['-xf', tar, '-C', broken]);
  const manifest = JSON.parse(readFileSync(`${broken}/manifest.json`, 'utf8'));
  await run('tar', ['-rf', `${broken}/${manifest[0].Layers[0]}`, '-C', broken, 'manifest.json']);
  await run('tar', ['-cf', `${folder}/broken.tar`, '-C', broken, '.']);
  await expect(importArchive(store, `${folder}/broken.tar`)).rejects.toThrow(/layer sha256:.* is sha256:/);
  expect(readdirSync(`${folder}/d/layers`)).toEqual([]);
  expect(readdirSync(`${folder}/d/tmp`)).toEqual([]);
  expect(await store.list()).toEqual([]);
});

test('pull by tag and by digest from a registry; absent ones and dead registries are told apart', async () => {
  const port = await freePort();
  writeFileSync(
    `${folder}/registry.yml`,
    `version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/registry\nhttp:\n  addr: 127.0.0.1:${port}\n`,
  );
  const registry = await start('docker-registry', ['serve', `${folder}/registry.yml`], { stdio: 'ignore' });
  try {
    await waitFor({ what: 'the registry', timeoutMs: 60_000 }, async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok);
    await run('skopeo', [
      '--insecure-policy',
      'copy',
      '-q',
      '--dest-tls-verify=false',
      `docker-archive:${tar}`,
      `docker://127.0.0.1:${port}/wherry/test:1`,
    ]);
    const store = await open('p');
    const image = await pullImage(store, `127.0.0.1:${port}/wherry/test:1`);
    expect(image.config.env).toContain('GREETING=hello');
    const [listed] = await store.list();
    expect(listed?.digests).toHaveLength(1);
    const byDigest = await open('q');
    expect((await pullImage(byDigest, listed!.digests[0]!)).id).toBe(image.id);
    await expect(pullImage(store, `127.0.0.1:${port}/wherry/nosuch`)).rejects.toMatchObject({ kind: 'not-found' });
  } finally {
    registry.kill();
    await exitOf(registry);
  }
  const store = await open('p');
  await expect(pullImage(store, `127.0.0.1:${port}/wherry/test:2`)).rejects.toMatchObject({ kind: 'unavailable' });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await waitFor({ what: 'a port', timeoutMs: 60_000 }, () => server.listening);
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
