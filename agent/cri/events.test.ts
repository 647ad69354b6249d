// Readers of events, and operations one at a time.
import { expect, test } from 'vitest';
import { EventHub } from './events.ts';
import { Locks } from './locks.ts';
import { signalNumber } from './stop-container.ts';

const event = (containerId: string) => ({ type: 'started' as const, containerId, sandboxId: 's' });

test('a reader gets all from its subscription on, in order, and ends with its signal', async () => {
  const hub = new EventHub();
  const stop = new AbortController();
  hub.emit(event('before'));
  const reader = hub.subscribe(stop.signal);
  hub.emit(event('a'));
  const seen: string[] = [];
  for await (const { containerId } of reader) {
    seen.push(containerId);
    if (containerId === 'a') queueMicrotask(() => hub.emit(event('b')));
    if (containerId === 'b') stop.abort();
  }
  expect(seen).toEqual(['a', 'b']);
});

test('a reader that falls far behind is told so', async () => {
  const hub = new EventHub();
  const reader = hub.subscribe(new AbortController().signal);
  for (let n = 0; n < 10_001; n++) hub.emit(event(`${n}`));
  const read = async () => {
    for await (const _ of reader);
  };
  await expect(read()).rejects.toThrow('10000 events behind');
});

test('one key: one after the other, also after a failure; other keys side by side', async () => {
  const locks = new Locks();
  const story: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = locks.with('a', async () => {
    await gate.promise;
    story.push('a1');
    throw new Error('failed');
  });
  const second = locks.with('a', async () => void story.push('a2'));
  await locks.with('b', async () => void story.push('b'));
  gate.resolve();
  await expect(first).rejects.toThrow('failed');
  await second;
  expect(story).toEqual(['b', 'a1', 'a2']);
});

test.each([
  ['SIGTERM', 15],
  ['term', 15],
  ['9', 9],
  ['SIGRTMIN+3', 37],
  ['SIGUSR1', 10],
  ['nonsense', 15],
])('%s is signal %i', (text, number) => expect(signalNumber(text)).toBe(number));
