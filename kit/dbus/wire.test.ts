import { expect, test } from 'vitest';
import { Reader, typesIn, type Value, Writer } from './wire.ts';

test.each([
  ['', []],
  ['su', ['s', 'u']],
  ['ssa(sv)a(sa(sv))', ['s', 's', 'a(sv)', 'a(sa(sv))']],
  ['aasa{sv}(yy(o))', ['aas', 'a{sv}', '(yy(o))']],
])('types in %j', (signature, types) => expect(typesIn(signature)).toEqual(types));

test.each(['a', '(s', '(', 'a(sv'])('%j does not end', (signature) => expect(() => typesIn(signature)).toThrow('ends too early'));

const U64_MAX = 2n ** 64n - 1n;

// Bytes by the specification: alignment is counted from the message's begin, an array's length leaves its first gap out.
test.each<[string, Value[], string]>([
  ['y', [7], '07'],
  ['yu', [1, 2], '01000000 02000000'],
  ['b', [true], '01000000'],
  ['s', ['ab'], '02000000 6162 00'],
  ['g', ['a(sv)'], '05 6128737629 00'],
  ['yt', [1, U64_MAX], '01 00000000000000 ffffffffffffffff'],
  ['v', [['t', 5n]], '01 74 00 0000000000 0500000000000000'],
  ['ay', [Uint8Array.of(3, 1)], '02000000 0301'],
  ['at', [[1n]], '08000000 00000000 0100000000000000'],
  ['at', [[]], '00000000 00000000'],
  ['au', [[9]], '04000000 09000000'],
  [
    'a(sv)',
    [[['ab', ['u', 1]]]],
    // 8-byte struct: text, then the variant's signature and its value on the next 4-byte boundary
    '10000000 00000000 02000000 616200 01 75 00 0000 01000000',
  ],
])('%s as bytes and back', (signature, values, hex) => {
  const writer = new Writer();
  for (const [index, type] of typesIn(signature).entries()) writer.write(type, values[index]!);
  expect(writer.bytes().toString('hex')).toBe(hex.replaceAll(' ', ''));
  expect(new Reader(Buffer.from(writer.bytes())).all(signature)).toEqual(values);
});

test('long values do not fit the first buffer', () => {
  const writer = new Writer();
  const text = 'é'.repeat(1000);
  writer.write('as', [text, text]);
  expect(new Reader(writer.bytes()).read('as')).toEqual([text, text]);
  const numbers = Array.from({ length: 1000 }, (_, n) => BigInt(n));
  writer.write('at', numbers); // the buffer ends between any two of them
  const reader = new Reader(writer.bytes());
  expect(reader.all('asat')[1]).toEqual(numbers);
});

test('bytes that end too early, and types that are not known', () => {
  expect(() => new Reader(Buffer.alloc(2)).read('u')).toThrow(RangeError);
  expect(() => new Reader(Buffer.alloc(8)).read('h')).toThrow('type h is not known');
  expect(() => new Writer().write('d', 1)).toThrow('type d is not known');
});
