import { expect, test } from 'vitest';
import { decide, type OwnerState } from './decision.ts';

const owned = (states: OwnerState[], extra: { finalizers?: string[]; hasDependents?: boolean; inCycle?: boolean } = {}) => ({
  finalizers: [],
  hasDependents: false,
  inCycle: false,
  owners: states.map((state, i) => ({ state, reference: { apiVersion: 'v1', kind: 'K', name: 'o', uid: `u${i}` } })),
  ...extra,
});

test.each([
  ['all owners are there', owned(['solid', 'solid']), { do: 'nothing' }],
  ['one of two is gone', owned(['solid', 'absent']), { do: 'drop-owners', uids: ['u1'] }],
  ['one of two waits', owned(['waiting', 'solid']), { do: 'drop-owners', uids: ['u0'] }],
  ['none is left', owned(['absent', 'absent']), { do: 'delete', policy: 'Background', unblock: false }],
  ['none is left, orphan wanted', owned(['absent'], { finalizers: ['orphan'] }), { do: 'delete', policy: 'Orphan', unblock: false }],
  ['the owner waits', owned(['waiting']), { do: 'delete', policy: 'Background', unblock: false }],
  [
    'the owner waits, and so will this one',
    owned(['waiting'], { hasDependents: true }),
    { do: 'delete', policy: 'Foreground', unblock: false },
  ],
  ['a cycle', owned(['waiting'], { hasDependents: true, inCycle: true }), { do: 'delete', policy: 'Foreground', unblock: true }],
])('%s', (_, object, expected) => {
  expect(decide(object)).toEqual(expected);
});
