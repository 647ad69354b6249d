// Which options of a log are read how, and which are refused.
import { expect, test } from 'vitest';
import { logOptions } from './log-options.ts';

const read = (query: string) => logOptions(new URLSearchParams(query), 60_000);
const none = { follow: false, previous: false, timestamps: false };

test.each([
  ['', none],
  ['tailLines=0&limitBytes=1', { ...none, tailLines: 0, limitBytes: 1 }],
  ['tail=3&tailLines=5', { ...none, tailLines: 3 }],
  ['tail=all&tailLines=5', none],
  ['follow=maybe&timestamps=&previous=False', { ...none, follow: true, timestamps: true }],
  ['follow=0&timestamps=1', { ...none, timestamps: true }],
  ['sinceSeconds=10', { ...none, sinceMs: 50_000 }],
  ['sinceTime=1970-01-01T01:00:30%2B01:00', { ...none, sinceMs: 30_000 }],
  ['sinceTime=', none],
  ['stream=All&tailLines=1', { ...none, tailLines: 1 }],
  ['stream=Stderr', { ...none, stream: 'stderr' }],
])('%j', (query, expected) => expect(read(query)).toEqual(expected));

test.each(['tailLines=x', 'tailLines=', 'limitBytes=1.5', 'sinceSeconds=1h', 'sinceTime=x', 'sinceTime=2026-01-01', 'tail=some'])(
  '%s cannot be read',
  (query) => expect(() => read(query)).toThrow(expect.objectContaining({ status: 400, message: '{"message": "Unable to decode query."}' })),
);

test.each([
  'tailLines=-1',
  'limitBytes=0',
  'sinceSeconds=0',
  'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
  'stream=stdout',
  'stream=toString',
  'stream=Stdout&tailLines=1',
])('%s makes no sense', (query) =>
  expect(() => read(query)).toThrow(expect.objectContaining({ status: 422, message: '{"message": "Invalid request."}' })),
);
