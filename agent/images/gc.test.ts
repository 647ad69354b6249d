// Garbage collection's decisions, as tables.
import { expect, test } from 'vitest';
import { bytesToFree, gcDefaults, isOff, removable, type Sightings, sight, tooOld } from './gc.ts';

test.each([
  [16, 0],
  [15, 5],
  [0, 20],
])('with %d %% of the disk free, %d %% must become free', (available, expected) =>
  expect(bytesToFree({ capacityBytes: 100, availableBytes: available }, gcDefaults)).toBe(expected),
);
test('a disk of unknown size asks for nothing', () => expect(bytesToFree({ capacityBytes: 0, availableBytes: 0 }, gcDefaults)).toBe(0));

const images = ['new', 'used', 'pinned', 'old', 'older'].map((id) => ({ id, sizeBytes: 1, ...(id === 'pinned' ? { pinned: true } : {}) }));
const sightings: Sightings = new Map([
  ['new', { firstSeenMs: 990_000, lastUsedMs: 0 }],
  ['used', { firstSeenMs: 0, lastUsedMs: 1_000_000 }],
  ['pinned', { firstSeenMs: 0, lastUsedMs: 0 }],
  ['old', { firstSeenMs: 0, lastUsedMs: 500 }],
  ['older', { firstSeenMs: 0, lastUsedMs: 400 }],
]);

test('the longest unused goes first; new, used and pinned ones stay', () =>
  expect(removable(images, new Set(['used']), sightings, 120_000, 1_000_000).map(({ id }) => id)).toEqual(['older', 'old']));

test('an image is too old by its last use, or by when it was first seen', () => {
  expect(tooOld(images, sightings, 999_550, 1_000_000).map(({ id }) => id)).toEqual(['pinned', 'older']);
  expect(tooOld(images, sightings, 0, 1_000_000)).toEqual([]);
});

test('sightings keep the first time, take the last use and forget what is gone', () => {
  const next = sight(
    sightings,
    [
      { id: 'new', sizeBytes: 1 },
      { id: 'another', sizeBytes: 1 },
    ],
    new Set(['new']),
    7,
  );
  expect([...next]).toEqual([
    ['new', { firstSeenMs: 990_000, lastUsedMs: 7 }],
    ['another', { firstSeenMs: 7, lastUsedMs: 0 }],
  ]);
});

test('a threshold of 100 % is none, unless age counts', () => {
  expect([gcDefaults, { ...gcDefaults, highPercent: 100 }, { ...gcDefaults, highPercent: 100, maxAgeMs: 1 }].map(isOff)).toEqual([
    false,
    true,
    false,
  ]);
});
