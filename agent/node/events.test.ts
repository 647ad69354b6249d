import { expect, test } from 'vitest';
import { changes, rebooted } from './events.ts';
import { nodeConditions } from './node-object.ts';

const fresh = nodeConditions('not yet', [], 0);
const ready = nodeConditions(undefined, [], 0);
const low = nodeConditions(undefined, [], 0, new Set(['MemoryPressure', 'DiskPressure', 'PIDPressure']));

test.each([
  ['a new node', [], fresh, ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID']],
  ['it is ready', fresh, ready, ['NodeReady']],
  ['nothing new', ready, ready, []],
  ['short of everything', ready, low, ['NodeHasInsufficientMemory', 'NodeHasDiskPressure', 'NodeHasInsufficientPID']],
  ['well again', low, ready, ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID']],
  ['it goes down', ready, nodeConditions('node is shutting down', ready, 0), ['NodeNotReady']],
])('%s', (_, before, after, reasons) => {
  expect(changes(before, after)).toEqual(reasons);
});

test('a reboot shows by the id of the boot', () => {
  expect([rebooted('a', 'b'), rebooted('a', 'a'), rebooted('', 'b'), rebooted(undefined, 'b')]).toEqual([true, false, false, false]);
});
