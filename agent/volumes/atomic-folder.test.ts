import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writePayload } from './atomic-folder.ts';
import type { Payload } from './payload.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-payload-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o644 }]));

test('files are symlinks through ..data, and change all at once', async () => {
  expect(writePayload(folder, payload({ a: '1', 'd/b': '2' }), {}, 0)).toBe(true);
  expect(await readlink(join(folder, 'a'))).toBe('..data/a');
  expect(await readFile(join(folder, 'd/b'), 'utf8')).toBe('2');
  const first = await readlink(join(folder, '..data'));
  expect(first).toMatch(/^\.\.1970_01_01_00_00_00\./);
  expect(writePayload(folder, payload({ a: '1', 'd/b': '2' }), {}, 1000)).toBe(false);
  expect(await readlink(join(folder, '..data'))).toBe(first);
});

test('keys that go away disappear, and so does the old folder', async () => {
  writePayload(folder, payload({ c: '3' }), {}, 2000);
  const names = (await readdir(folder)).sort();
  expect(names.filter((name) => !name.startsWith('..2') && !name.startsWith('..1'))).toEqual(['..data', 'c']);
  expect(names).toHaveLength(3);
  expect((await stat(join(folder, 'c'))).mode & 0o777).toBe(0o644);
});

test('a folder that was made for a subPath mount stays', async () => {
  await mkdir(join(folder, 'sub'));
  writePayload(folder, payload({ d: '4' }), {}, 3000);
  expect((await readdir(folder)).filter((name) => !name.startsWith('..')).sort()).toEqual(['d', 'sub']);
});

test.each(['../x', '/x', 'a/../b', ''])('path %j is refused', (path) => {
  expect(() => writePayload(folder, payload({ [path]: '' }), {}, 0)).toThrow('invalid path');
});
