import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { waitFor } from '../../../kit/run/index.ts';
import { carry } from './carry.ts';

/** A connection whose writes are done when asked; what it was given at once, is one entry. */
function connection() {
  const heard: string[] = [];
  const done: (() => void)[] = [];
  const duplex = new Duplex({
    read() {},
    write(chunk, _, callback) {
      heard.push(`${chunk}`);
      done.push(callback);
    },
    writev(chunks, callback) {
      heard.push(chunks.map(({ chunk }) => `${chunk}`).join('+'));
      done.push(callback);
    },
  });
  duplex.on('error', () => {});
  return { duplex, heard, finishWrite: () => done.shift()?.() };
}

test('pieces stay apart, however slow the other side is', async () => {
  const [from, to] = [connection(), connection()];
  carry(from.duplex, to.duplex);
  for (const piece of ['one', 'two', 'three']) from.duplex.push(piece);
  from.duplex.push(null);
  for (const count of [1, 2, 3]) {
    await waitFor({ what: `piece ${count}`, timeoutMs: 5_000 }, () => to.heard.length === count);
    expect(to.duplex.writableFinished).toBe(false);
    to.finishWrite();
  }
  await waitFor({ what: 'the end', timeoutMs: 5_000 }, () => to.duplex.writableFinished);
  expect(to.heard).toEqual(['one', 'two', 'three']);
});

test('a side that breaks cuts the other', async () => {
  for (const breaking of ['from', 'to'] as const) {
    const sides = { from: connection(), to: connection() };
    carry(sides.from.duplex, sides.to.duplex);
    sides[breaking].duplex.destroy(new Error('reset'));
    await waitFor({ what: 'both to be gone', timeoutMs: 5_000 }, () => sides.from.duplex.destroyed && sides.to.duplex.destroyed);
  }
});
