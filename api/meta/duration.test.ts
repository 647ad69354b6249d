import { expect, test } from 'vitest';
import { durationNanos, durationText } from './duration.ts';

test.each([
  ['1h23m45s', 5025e9],
  ['1h0m0s', 3600e9],
  ['5m0s', 300e9],
  ['2m0s', 120e9],
  ['1m30s', 90e9],
  ['1m20s', 80e9],
  ['10s', 10e9],
  ['1.5s', 1.5e9],
  ['1.204s', 1.204e9],
  ['500ms', 500e6],
  ['250ms', 250e6],
  ['0s', 0],
  ['-5s', -5e9],
])('duration %s', (text, nanos) => {
  expect(durationNanos(text)).toBe(nanos);
  expect(durationText(nanos)).toBe(text);
});
