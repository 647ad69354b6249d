import { expect, test } from 'vitest';
import { decodeMessage, encodeMessage, type Message, messageLength } from './message.ts';

const call: Message = {
  type: 'call',
  serial: 7,
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
  member: 'SetUnitProperties',
  signature: 'sba(sv)',
  body: ['x.slice', true, [['CPUWeight', ['t', 12n]]]],
};

test.each<[string, Message]>([
  ['a call', call],
  ['an answer without a body', { type: 'answer', serial: 2, replyTo: 7, body: [] }],
  ['an error', { type: 'error', serial: 3, replyTo: 7, error: 'org.freedesktop.systemd1.NoSuchUnit', signature: 's', body: ['Unit x'] }],
  [
    'a signal',
    { type: 'signal', serial: 4, path: '/p', interface: 'a.b', member: 'JobRemoved', signature: 'uoss', body: [1, '/j', 'x', 'done'] },
  ],
])('%s comes back as it was', (_, message) => {
  const bytes = encodeMessage(message);
  expect(messageLength(bytes)).toBe(bytes.length);
  expect(decodeMessage(bytes)).toEqual(message);
});

test('fields that are not known are left out', () => {
  const bytes = encodeMessage({ type: 'answer', serial: 1, replyTo: 1, body: [] });
  bytes[16] = 9; // number of the first field: UNIX_FDS
  expect(decodeMessage(bytes)).toEqual({ type: 'answer', serial: 1, body: [] });
});

test('the length is known from the fixed part on', () => {
  const bytes = encodeMessage(call);
  expect(messageLength(bytes.subarray(0, 15))).toBeUndefined();
  expect(messageLength(bytes.subarray(0, 16))).toBe(bytes.length);
  expect(() => messageLength(Buffer.from(`B${'\0'.repeat(15)}`))).toThrow('not a little-endian');
  const huge = Buffer.from(bytes);
  huge.writeUInt32LE(2 ** 31, 4);
  expect(() => messageLength(huge)).toThrow('bytes');
});
