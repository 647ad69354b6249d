import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { writeFileAtomic, writeFileAtomicSync } from './index.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-atomic-`);
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['promise', writeFileAtomic],
  ['at once', async (path: string, data: string) => writeFileAtomicSync(path, data)],
])('replaces a file, makes its folder, leaves nothing beside it: %s', async (name, write) => {
  const path = `${folder}/${name}/below/file`;
  await write(path, 'one');
  await write(path, 'two');
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(`${folder}/${name}/below`)).toEqual(['file']);
  await expect(write(`${folder}/${name}/below`, 'a folder')).rejects.toThrow();
  expect(readdirSync(`${folder}/${name}`)).toEqual(['below']);
  await expect(write(`${path}/x`, 'below a file')).rejects.toThrow(/ENOTDIR|EEXIST/);
  expect(existsSync(path)).toBe(true);
});
