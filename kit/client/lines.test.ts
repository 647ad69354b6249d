import { expect, test } from 'vitest';
import { linesOf } from './lines.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
async function all(source: AsyncIterable<string>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of source) lines.push(line);
  return lines;
}

test.each([
  [['a\nb\n'], ['a', 'b']],
  [
    ['a', 'b\nc', '\n'],
    ['ab', 'c'],
  ],
  [['a\n\nb'], ['a', 'b']],
  [[], []],
])('%j gives lines %j', async (input, output) => {
  expect(await all(linesOf(chunks(...input), 100))).toEqual(output);
});

test('characters cut by a chunk border stay whole', async () => {
  const bytes = Buffer.from('é\n');
  async function* cut() {
    yield bytes.subarray(0, 1);
    yield bytes.subarray(1);
  }
  expect(await all(linesOf(cut(), 100))).toEqual(['é']);
});

test('a line that never ends is refused', async () => {
  await expect(all(linesOf(chunks('aaaa', 'aaaa'), 6))).rejects.toThrow('line of more than 6 bytes');
});
