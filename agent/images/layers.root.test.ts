// Layers made to do harm, layers of every kind of file, and what collection leaves.
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { run } from '../../kit/exec/index.ts';
import { mountOverlay, removeTree } from '../../kit/linux/index.ts';
import { sha256 } from './hostile-registry.ts';
import { exportImages, ImageStore, importArchive, workFolderName } from './index.ts';
import { dockerArchive } from './testing.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-layers-`);
afterAll(() => removeTree(folder));
let stores = 0;
const open = (limits = {}) => ImageStore.open(`${folder}/store-${stores++}`, limits);

/** One entry of a tar, as a hostile program writes it: nothing is checked. */
function entry(
  name: string,
  type: string,
  { link = '', content = '', size = content.length }: { link?: string; content?: string; size?: number } = {},
): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000755\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}
const archive = (...entries: Buffer[]): Buffer => Buffer.concat([...entries, Buffer.alloc(1024)]);
const add = (store: ImageStore, tar: Buffer): Promise<boolean> => store.addLayer(sha256(tar), async () => Readable.from([tar]));

const victim = `${folder}/victim`;
mkdirSync(victim);
writeFileSync(`${victim}/file`, 'untouched', { mode: 0o600 });
const up = `../../../../../../../..${victim}`;

test.each<[string, Buffer]>([
  ['a name with ..', archive(entry(`${up}/new`, '0', { content: 'x' }))],
  ['an absolute name', archive(entry(`${victim}/new`, '0', { content: 'x' }))],
  ['a symlink, then a file through it', archive(entry('link', '2', { link: victim }), entry('link/new', '0', { content: 'x' }))],
  ['a relative symlink, then a file through it', archive(entry('link', '2', { link: up }), entry('link/new', '0', { content: 'x' }))],
  [
    'symlinks in two steps',
    archive(entry('a', '2', { link: '..' }), entry('a/b', '2', { link: victim }), entry('a/b/new', '0', { content: 'x' })),
  ],
  [
    'a symlink over a folder, then a file',
    archive(entry('d/', '5'), entry('d', '2', { link: victim }), entry('d/new', '0', { content: 'x' })),
  ],
  ['a hard link out', archive(entry('hard', '1', { link: `${victim}/file` }), entry('hard', '0', { content: 'overwritten' }))],
  ['a hard link out with ..', archive(entry('hard', '1', { link: `${up}/file` }), entry('hard', '0', { content: 'overwritten' }))],
  [
    'a hard link to a symlink out',
    archive(entry('s', '2', { link: `${victim}/file` }), entry('h', '1', { link: 's' }), entry('h', '0', { content: 'overwritten' })),
  ],
  ['a whiteout through a symlink', archive(entry('link', '2', { link: victim }), entry('link/.wh.file', '0'))],
  ['an opaque mark through a symlink', archive(entry('link', '2', { link: victim }), entry('link/.wh..wh..opq', '0'))],
  ['a whiteout of ..', archive(entry('d/', '5'), entry('d/.wh...', '0'))],
  ['a whiteout that is a symlink', archive(entry('.wh.x', '2', { link: victim }))],
  ['a whiteout that is a folder', archive(entry('.wh.x/', '5'), entry('.wh.x/.wh.y', '0'))],
])('%s touches nothing outside', async (_, tar) => {
  const store = await open();
  const outside = readdirSync(folder).sort();
  await add(store, tar).catch(() => {});
  expect(readdirSync(victim)).toEqual(['file']);
  expect(readFileSync(`${victim}/file`, 'utf8')).toBe('untouched');
  expect(lstatSync(`${victim}/file`)).toMatchObject({ nlink: 1, mode: 0o100600 });
  expect(readdirSync(folder).sort()).toEqual(outside);
  expect(readdirSync(`${store.folder}/tmp`)).toEqual([]);
});

test.each<[string, Buffer, RegExp]>([
  ['no tar', Buffer.from('<html>hello</html>'.repeat(100)), /not a tar|tar exit code/],
  ['a tar that ends early', entry('file', '0', { size: 5000 }), /Unexpected EOF/],
  ['a gzip that ends early', gzipSync(archive(entry('file', '0', { content: 'x' }))).subarray(0, 40), /unexpected end of file/],
  ['an endless name', archive(entry('././@LongLink', 'L', { size: 2 ** 31 })), /extended header of/],
  ['a broken extended header', archive(entry('x', 'x', { content: '999 path=a\n' })), /extended header that is broken/],
  ['more entries than allowed', archive(...Array.from({ length: 101 }, (_, i) => entry(`f${i}`, '0'))), /more than 100 entries/],
  ['more bytes than allowed', archive(entry('big', '0', { content: 'x'.repeat(200_000) })), /more than 100000 bytes/],
  [
    'a path that nobody could remove',
    archive(entry('x', 'x', { content: `4017 path=${'d/'.repeat(2003)}\n` }), entry('x', '0')),
    /a path of 4006 bytes/,
  ],
])('%s is refused and leaves nothing', async (_, tar, error) => {
  const store = await open({ entriesMax: 100, bytesMax: 100_000 });
  await expect(add(store, tar)).rejects.toThrow(error);
  for (const name of ['tmp', 'layers', 'skeletons']) expect(readdirSync(`${store.folder}/${name}`)).toEqual([]);
});

test('10 GB of zeros in 10 MB end after one', { timeout: 120_000 }, async () => {
  const store = await open();
  let sent = 0;
  const zeros = gzipSync(Buffer.alloc(1 << 26), { level: 9 }); // gzips one after the other are one gzip
  const bomb = async function* () {
    yield gzipSync(entry('zeros', '0', { size: 7 * 2 ** 30 }));
    for (; sent < 150; sent++) yield zeros;
  };
  await expect(store.addLayer(sha256(''), async () => Readable.from(bomb()))).rejects.toThrow(/made to fill the disk/);
  expect(sent).toBeLessThan(100);
  for (const name of ['tmp', 'layers', 'skeletons']) expect(readdirSync(`${store.folder}/${name}`)).toEqual([]);
});

test('every kind of file arrives as it is: links, devices, modes, owners, attributes, long names, holes', async () => {
  const tree = `${folder}/tree`;
  const long = `${'long-'.repeat(30)}name/${'x'.repeat(200)}`;
  mkdirSync(`${tree}/${long}`, { recursive: true });
  const script = `cd ${tree}
    echo one > file; ln file hard; ln -s /absolute soft; ln -s ../.. relative; mkfifo pipe; mknod null c 1 3; mknod disk b 7 0
    cp /bin/true setuid; chmod 4755 setuid; mkdir sticky; chmod 1777 sticky; mkdir closed; chmod 000 closed; chown 1234:5678 file
    setfattr -n user.note -v hello file || exit 3; printf 'spaces and\\ttabs' > 'a name  with spaces'; truncate -s 20M holes; echo end >> holes
    touch -d '1999-12-31 23:59:59.5' old`;
  await run('sh', ['-c', script.replace(/setfattr.*exit 3;/, hasSetfattr ? '$&' : '')]);
  await run('tar', ['-cf', `${folder}/tree.tar`, '--xattrs', '--sparse', '--format=pax', '-C', tree, '.']);
  const store = await open();
  await importArchive(store, await dockerArchive(folder, 'tree:1', [], {}, [`${folder}/tree.tar`]));
  const layer = `${store.layersFolder}/${readdirSync(store.layersFolder)[0]}`;
  const listing = async (at: string) =>
    (await run('find', [at, '-printf', '%P|%y|%m|%U|%G|%s|%l|%n|%T@\n'])).stdout
      .split('\n')
      .filter((l) => !l.startsWith('|'))
      .sort();
  expect(await listing(layer)).toEqual(await listing(tree));
  expect(lstatSync(`${layer}/holes`).blocks).toBeLessThan(100);
  expect(lstatSync(`${layer}/null`).rdev).toBe(lstatSync('/dev/null').rdev);
  await expectSameWhenSaved(store, 'tree:1');
});
const hasSetfattr = await run('sh', ['-c', 'command -v setfattr']).then(
  () => true,
  () => false,
);

/** Saved and loaded into another store, an image has its very id; in both formats. */
async function expectSameWhenSaved(store: ImageStore, name: string): Promise<void> {
  const image = await store.find(name);
  for (const format of ['docker', 'oci'] as const) {
    const file = `${folder}/saved-${format}.tar`;
    await exportImages(store, [name], file, format);
    const other = await open();
    const [loaded] = await importArchive(other, file);
    expect((await other.find(loaded!))?.id).toBe(image?.id);
    expect((await other.find(name))?.layers).toEqual(image?.layers);
  }
}

test('property: a tree that is packed, loaded, saved and loaded is the tree', { timeout: 120_000 }, async () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9 _.+-]{1,120}$/).filter((n) => !/^\.{1,2}$|^\.wh\.|^-/.test(n));
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const file = fc.record({ path, content: fc.uint8Array({ maxLength: 3000 }), mode: fc.constantFrom(0o600, 0o644, 0o4755, 0o400) });
  const format = fc.constantFrom('gnu', 'pax', 'ustar', 'v7');
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 8 }), format, async (files, tarFormat) => {
      const at = `${folder}/property-${round++}`;
      await mkdir(`${at}/tree`, { recursive: true });
      for (const { path: p, content, mode } of files) {
        // a file where another one has a folder: the first stays
        await mkdir(`${at}/tree/${p}`.replace(/\/[^/]*$/, ''), { recursive: true }).then(
          () => writeFile(`${at}/tree/${p}`, content, { mode }).catch(() => {}),
          () => {},
        );
      }
      const packed = await run('tar', ['-cf', `${at}/layer.tar`, `--format=${tarFormat}`, '-C', `${at}/tree`, '.']).catch(() => undefined);
      fc.pre(packed !== undefined); // v7 and ustar have no long names
      const store = await ImageStore.open(`${at}/store`);
      await importArchive(store, await dockerArchive(at, 'p:1', [], {}, [`${at}/layer.tar`]));
      await run('diff', ['-r', `${at}/tree`, `${store.layersFolder}/${readdirSync(store.layersFolder)[0]}`]);
      await expectSameWhenSaved(store, 'p:1');
      rmSync(at, { recursive: true });
    }),
    { numRuns: 15 },
  );
});

test('layers stay while an image, a mount or a pull has them, and go with the last one', async () => {
  const store = await open();
  const tree = (name: string) => {
    mkdirSync(`${folder}/gc-${name}`);
    writeFileSync(`${folder}/gc-${name}/${name}`, name);
    return `${folder}/gc-${name}`;
  };
  const [base, a, b] = [tree('base'), tree('a'), tree('b')];
  await importArchive(store, await dockerArchive(folder, 'a:1', [base!, a!], {}));
  await importArchive(store, await dockerArchive(folder, 'b:1', [base!, b!], {}));
  const layers = () => readdirSync(store.layersFolder).length;
  expect(layers()).toBe(3);
  const image = (await store.find('a:1'))!;
  const target = `${folder}/gc-mount`;
  mkdirSync(target);
  mountOverlay(target, { cwd: store.layersFolder, layers: image.layers.toReversed().map((l) => store.layerName(l)) });
  try {
    expect(await store.idsInUse()).toEqual(new Set([image.id]));
    await store.remove('b:1');
    expect(layers()).toBe(2);
    await store.remove('a:1');
    expect(layers()).toBe(2);
    expect(readFileSync(`${target}/a`, 'utf8')).toBe('a');
  } finally {
    await removeTree(target); // the folder too: then the kernel takes the mount from namespaces that were made meanwhile
  }
  {
    await using _use = await store.useLayers([image.layers[0]!]);
    expect(await (await ImageStore.open(store.folder)).collectLayers()).toBe(1);
    expect(layers()).toBe(1);
  }
  expect(await store.collectLayers()).toBe(1);
  for (const name of ['tmp', 'layers', 'skeletons', 'configs', 'images', 'names'])
    expect(readdirSync(`${store.folder}/${name}`)).toEqual([]);
});

test('of two images with the same layers the one that a container was made from is in use; what is taken from the other is nothing to it', async () => {
  const store = await open();
  mkdirSync(`${folder}/same`);
  writeFileSync(`${folder}/same/file`, 'content');
  for (const name of ['run', 'idle'])
    await importArchive(store, await dockerArchive(folder, `${name}:1`, [`${folder}/same`], { Cmd: [name] }));
  const [image, idle] = [(await store.find('run:1'))!, (await store.find('idle:1'))!];
  expect(idle.layers).toEqual(image.layers);
  const layer = store.layerName(image.layers[0]!);
  const [target, upper, work] = ['', '-upper', `-of/${workFolderName(image.id)}`].map((name) => `${folder}/same-mount${name}`);
  for (const path of [target, upper, work]) mkdirSync(path!, { recursive: true });
  mountOverlay(target!, { cwd: store.layersFolder, layers: [layer], upper: upper!, work: work! });
  const isWhole = () => readFileSync(`${target}/file`, 'utf8') === 'content';
  try {
    expect(await store.idsInUse()).toEqual(new Set([image.id]));
    await store.remove('idle:1');
    expect(await store.find(idle.id)).toBeUndefined();
    expect(isWhole()).toBe(true);
    await store.remove('run:1');
    expect(await store.list()).toEqual([]);
    expect(isWhole()).toBe(true);
    // Killed when the layer was out of its place, before it was seen that a container has it.
    const dead = '0.0-killed';
    renameSync(`${store.layersFolder}/${layer}`, `${store.folder}/tmp/${dead}.${layer}`);
    mkdirSync(`${store.folder}/tmp/${dead}.${'0'.repeat(24)}`);
    await ImageStore.open(store.folder);
    expect(readdirSync(store.layersFolder)).toEqual([layer]);
    expect(readdirSync(`${store.folder}/tmp`)).toEqual([]);
    // The same, and the layer came anew before anybody looked.
    renameSync(`${store.layersFolder}/${layer}`, `${store.folder}/tmp/${dead}.${layer}`);
    await importArchive(store, await dockerArchive(folder, 'run:1', [`${folder}/same`], { Cmd: ['run'] }));
    await ImageStore.open(store.folder);
    expect(isWhole()).toBe(true);
  } finally {
    await removeTree(target!);
  }
  await ImageStore.open(store.folder);
  expect(readdirSync(`${store.folder}/tmp`)).toEqual([]);
});

test('after a power failure what lacks content is dropped with its images', async () => {
  const store = await open();
  for (const name of ['whole', 'cut']) {
    mkdirSync(`${folder}/power-${name}`);
    writeFileSync(`${folder}/power-${name}/${name}`, 'content');
    await importArchive(store, await dockerArchive(folder, `${name}:1`, [`${folder}/power-${name}`], {}));
  }
  const cut = (await store.find('cut:1'))!.layers[0]!;
  truncateSync(`${store.layersFolder}/${store.layerName(cut)}/cut`, 0);
  expect((await (await ImageStore.open(store.folder)).list()).length).toBe(2);
  writeFileSync(`${store.folder}/boot`, 'another boot');
  const after = await ImageStore.open(store.folder);
  expect((await after.list()).map(({ tags }) => tags)).toEqual([['docker.io/library/whole:1']]);
  expect(readdirSync(after.layersFolder)).toHaveLength(1);
});

test('a layer that lost the record of its tar cannot be saved, until its archive is loaded again', async () => {
  const store = await open();
  mkdirSync(`${folder}/recorded`);
  writeFileSync(`${folder}/recorded/file`, 'content');
  const archive = await dockerArchive(folder, 'recorded:1', [`${folder}/recorded`], {});
  await importArchive(store, archive);
  const [layer = ''] = (await store.find('recorded:1'))!.layers;
  rmSync(store.skeletonOf(layer));
  const saved = `${folder}/recorded.tar`;
  await expect(exportImages(store, ['recorded:1'], saved)).rejects.toThrow(`layer ${layer} was unpacked by an older wherry`);
  await importArchive(store, archive);
  await exportImages(store, ['recorded:1'], saved);
  expect(readFileSync(`${store.layersFolder}/${store.layerName(layer)}/file`, 'utf8')).toBe('content');
});
