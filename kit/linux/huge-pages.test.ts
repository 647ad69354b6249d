import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hugePageName, hugePages } from './huge-pages.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-huge-pages-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('sizes and numbers, the smallest first', async () => {
  for (const [kilobytes, count] of [
    [1_048_576, 1],
    [2048, 16],
  ]) {
    await mkdir(join(folder, `hugepages-${kilobytes}kB`));
    await writeFile(join(folder, `hugepages-${kilobytes}kB`, 'nr_hugepages'), `${count}\n`);
  }
  await mkdir(join(folder, 'something-else'));
  expect(hugePages(folder)).toEqual([
    { sizeBytes: 2 << 20, count: 16 },
    { sizeBytes: 1 << 30, count: 1 },
  ]);
});

test('a kernel without them has none', () => expect(hugePages(join(folder, 'no-such'))).toEqual([]));

test.each([
  [64 * 1024, '64KB'],
  [2 << 20, '2MB'],
  [512 << 20, '512MB'],
  [1 << 30, '1GB'],
])('%i bytes are %s', (bytes, name) => expect(hugePageName(bytes)).toBe(name));
