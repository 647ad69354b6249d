// Readers of events, and the numbers of signals.
import { expect, test } from 'vitest';
import { EventHub } from './events.ts';
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

test.each([
  ['SIGTERM', 15],
  ['term', 15],
  ['9', 9],
  ['SIGRTMIN+3', 37],
  ['SIGUSR1', 10],
  ['nonsense', 15],
])('%s is signal %i', (text, number) => expect(signalNumber(text)).toBe(number));
