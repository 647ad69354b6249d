// kill -9 of who pulls, at several moments: what was half written is found and dropped, its disk is given back, and the next pull works.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitOf, run, start } from '../../kit/exec/index.ts';
import { diskUsage } from '../../kit/fs/index.ts';
import { removeTree } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { sha256, type TestLayer, type TestRegistry, testRegistry } from './hostile-registry.ts';
import { ImageStore, pullImage } from './index.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-killed-pull-`);
const LAYER_BYTES = 4 << 20;
let layers: TestLayer[];
beforeAll(async () => {
  layers = [await layerOf('one'), await layerOf('two')];
});
afterAll(() => removeTree(folder));

/** Many small files and a large one: there is something on disk from the first half of it. */
async function layerOf(name: string): Promise<TestLayer> {
  const tree = `${folder}/tree/${name}`;
  mkdirSync(tree, { recursive: true });
  for (let i = 0; i < 50; i++) writeFileSync(`${tree}/${name}-${i}`, `${name} ${i}`);
  writeFileSync(`${tree}/${name}`, Buffer.alloc(LAYER_BYTES, name));
  await run('tar', ['-cf', `${folder}/${name}.tar`, '--sort=name', '-C', tree, '.']);
  const tar = readFileSync(`${folder}/${name}.tar`);
  return { tar, blob: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
}

/** Half of the layer comes, then nothing. */
const stall = (registry: TestRegistry, { blob }: TestLayer, isBroken: () => boolean) =>
  registry.play(`/blobs/${sha256(blob)}`, (_, response) => {
    if (!isBroken()) return false;
    response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, blob.length / 2));
    return true;
  });

test.each([
  ['in the middle of all of its layers', [0, 1], 0],
  ['in the middle of one layer, when the other one is there', [1], 1],
])('a pull that is killed %s', { timeout: 180_000 }, async (_, stalled, finished) => {
  const at = mkdtempSync(`${folder}/place-`);
  writeFileSync(`${at}/neighbour`, 'untouched');
  const images = `${at}/images`;
  const empty = await diskUsage((await ImageStore.open(images)).folder);
  const inTmp = () => readdirSync(`${images}/tmp`);
  await using registry = await testRegistry();
  registry.image('x', layers);
  let isBroken = true;
  for (const index of stalled) stall(registry, layers[index]!, () => isBroken);

  const program = ['--disable-warning=ExperimentalWarning', `${import.meta.dirname}/pull.fixture.ts`, images, `${registry.host}/x`];
  const puller = await start(process.execPath, program, { stdio: 'ignore' });
  try {
    await waitFor({ what: 'the halves of the stalled layers on disk', timeoutMs: 120_000 }, async () => {
      const { bytes } = await diskUsage(`${images}/tmp`);
      return bytes > (stalled.length * LAYER_BYTES) / 4 && readdirSync(`${images}/layers`).length === finished;
    });
  } finally {
    puller.kill('SIGKILL');
    await exitOf(puller);
  }
  expect(inTmp()).not.toEqual([]);

  const store = await ImageStore.open(images);
  expect(inTmp()).toEqual([]);
  expect(await store.list()).toEqual([]);
  expect(await store.collectLayers()).toBe(finished); // no image has them
  expect((await diskUsage(images)).bytes - empty.bytes).toBeLessThan(LAYER_BYTES / 4);

  isBroken = false;
  const { layers: pulled } = await pullImage(store, `${registry.host}/x`);
  for (const [index, name] of ['one', 'two'].entries())
    await run('diff', ['-r', `${folder}/tree/${name}`, `${store.layersFolder}/${store.layerName(pulled[index]!)}`]);
  expect(readdirSync(at).sort()).toEqual(['images', 'neighbour']);
  expect(readFileSync(`${at}/neighbour`, 'utf8')).toBe('untouched');
});

test('what another process is at stays; what one of the same number left before a reboot goes', async () => {
  const images = `${folder}/numbers`;
  const store = await ImageStore.open(images);
  const mine = store.temporary();
  mkdirSync(mine);
  mkdirSync(`${images}/tmp/${process.pid}.1-before`);
  await ImageStore.open(images);
  expect(readdirSync(`${images}/tmp`).map((name) => `${images}/tmp/${name}`)).toEqual([mine]);
});
