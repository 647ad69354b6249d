import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { giveToGroup } from './ownership.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-ownership-`);
afterAll(() => rmSync(folder, { recursive: true }));
const group = process.getgid?.() ?? 0; // one that any user may give to
const mode = (path: string) => (statSync(join(folder, path)).mode & 0o7777).toString(8);

test('the group may what the owner may, in folders that hand it on; what symlinks name is left alone', async () => {
  const outside = `${folder}-outside`;
  writeFileSync(outside, '', { mode: 0o600 });
  mkdirSync(join(folder, 'sub'), { mode: 0o700 });
  writeFileSync(join(folder, 'sub/secret'), '', { mode: 0o400 });
  writeFileSync(join(folder, 'tool'), '', { mode: 0o755 });
  symlinkSync(outside, join(folder, 'link'));
  try {
    await giveToGroup(folder, group, undefined);
    expect([mode('.'), mode('sub'), mode('sub/secret'), mode('tool')]).toEqual(['2770', '2770', '660', '775']);
    expect(lstatSync(join(folder, 'sub/secret')).gid).toBe(group);
    expect((statSync(outside).mode & 0o777).toString(8)).toBe('600');
  } finally {
    rmSync(outside);
  }
});

test('a folder that is right already is taken to be right below, if the pod wants so', async () => {
  chmodSync(join(folder, 'sub/secret'), 0o400);
  await giveToGroup(folder, group, 'OnRootMismatch');
  expect(mode('sub/secret')).toBe('400');
  chmodSync(folder, 0o700);
  await giveToGroup(folder, group, 'OnRootMismatch');
  expect(mode('sub/secret')).toBe('660');
});
