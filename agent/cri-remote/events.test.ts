import { expect, test } from 'vitest';
import { changes, type Seen } from './events.ts';

const seen = (states: Record<string, 'created' | 'running' | 'exited' | 'unknown'>): Seen =>
  new Map(Object.entries(states).map(([id, state]) => [id, { sandboxId: 's', state }]));

test.each([
  [{}, { a: 'created' }, ['created a']],
  [{}, { a: 'running' }, ['created a', 'started a']],
  [{}, { a: 'exited' }, ['created a', 'started a', 'exited a']],
  [{ a: 'created' }, { a: 'running' }, ['started a']],
  [{ a: 'running' }, { a: 'running' }, []],
  [{ a: 'running' }, { a: 'unknown' }, ['exited a']],
  [{ a: 'exited' }, { a: 'unknown' }, []],
  [{ a: 'exited', b: 'running' }, { b: 'running' }, ['removed a']],
] as const)('from %j to %j: %j', (before, after, events) =>
  expect(changes(seen(before), seen(after)).map(({ type, containerId }) => `${type} ${containerId}`)).toEqual(events),
);
