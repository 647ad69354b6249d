import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkHostPath } from './host-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'wherry-host-path-'));
writeFileSync(join(folder, 'file'), '');
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['DirectoryOrCreate', 'a/b/c'],
  ['DirectoryOrCreate', 'a/b'],
  ['FileOrCreate', 'a/f'],
  ['File', 'file'],
  ['Directory', ''],
  ['', 'nothing/there'],
])('%s %s', async (type, path) => {
  expect(await checkHostPath({ path: join(folder, path), type })).toBe(join(folder, path));
  if (type.startsWith('Directory')) expect(statSync(join(folder, path)).isDirectory()).toBe(true);
});

test.each([
  ['Directory', '/no/such', 'hostPath type check failed: /no/such is not a directory'],
  ['CharDevice', '/etc', 'hostPath type check failed: /etc is not a character device'],
  ['BlockDevice', '/dev/nothing', 'hostPath type check failed: /dev/nothing is not a block device'],
  ['Socket', '/etc', 'hostPath type check failed: /etc is not a socket file'],
  ['DirectoryOrCreate', '/proc/no/such', 'mkdir /proc/no: no such file or directory'],
  ['DirectoryOrCreate', '/proc/version/x', 'mkdir /proc/version/x: not a directory'],
  ['FileOrCreate', '/proc/nothing', 'open /proc/nothing: no such file or directory'],
])('%s %s', async (type, path, message) => {
  await expect(checkHostPath({ path, type })).rejects.toThrow(message);
});
