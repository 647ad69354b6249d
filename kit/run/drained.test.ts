import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { drained } from './drained.ts';

test.each(['drain', 'close', 'abort', 'aborted before'])('%s ends the wait, and nothing listens any more', async (what) => {
  const [stream, stop] = [new EventEmitter(), new AbortController()];
  if (what === 'aborted before') stop.abort();
  const waiting = drained(stream, stop.signal);
  if (what === 'abort') stop.abort();
  else if (what !== 'aborted before') stream.emit(what);
  await waiting;
  expect(stream.eventNames()).toEqual([]);
});
