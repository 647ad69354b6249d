import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('one key: one after the other, also after a failure; other keys side by side', async () => {
  const turns = new Turns();
  const story: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take('a', async () => {
    await gate.promise;
    story.push('a1');
    throw new Error('failed');
  });
  const second = turns.take('a', async () => void story.push('a2'));
  await turns.take('b', async () => void story.push('b'));
  gate.resolve();
  await expect(first).rejects.toThrow('failed');
  await second;
  expect(story).toEqual(['b', 'a1', 'a2']);
});
