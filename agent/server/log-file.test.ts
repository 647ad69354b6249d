import { appendFile, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLines, tailOffset } from './log-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['a\nb\nc\n', 1, 'c\n'],
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc\n', 9, 'a\nb\nc\n'],
  ['a\nb', 1, 'b'],
  ['a\n', 0, ''],
  ['', 3, ''],
])('the tail of %j by %i lines', async (text, count, expected) => {
  const path = join(folder, 'tail');
  await writeFile(path, text);
  await using file = await open(path);
  expect(text.slice(await tailOffset(file, count, text.length))).toBe(expected);
});

test('what is written meanwhile is no part of an answer that does not follow', async () => {
  const path = join(folder, 'meanwhile');
  await writeFile(path, 'a\nb\n');
  const seen: string[] = [];
  for await (const line of readLines(path, { tailLines: 2, signal: AbortSignal.timeout(5000) })) {
    seen.push(line.toString());
    await appendFile(path, 'c\n');
  }
  expect(seen).toEqual(['a', 'b']);
});

test('follows while the container lives, over rotation, to its last line', async () => {
  const path = join(folder, 'live');
  await writeFile(path, 'one\n');
  let live = true;
  const seen: string[] = [];
  for await (const line of readLines(path, { isLive: async () => live, signal: AbortSignal.timeout(5000) })) {
    seen.push(line.toString());
    if (seen.length === 1) await appendFile(path, 'two\n');
    if (seen.length === 2) {
      await rename(path, `${path}.1`);
      await writeFile(path, 'three\nfour\n');
    }
    if (seen.length === 4) live = false;
  }
  expect(seen).toEqual(['one', 'two', 'three', 'four']);
});
