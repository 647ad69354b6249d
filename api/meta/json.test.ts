// Numbers as Kubernetes keeps them, and Go's escapes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { goJson, integerOf, integerOfBigInt, readJson } from './json.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

test.each([
  ['0', 0],
  ['-0', 0],
  ['9007199254740991', 9007199254740991],
  ['9007199254740992', 9007199254740992n],
  ['-9007199254740993', -9007199254740993n],
  ['9223372036854775807', 9223372036854775807n],
  ['-9223372036854775808', -9223372036854775808n],
  ['9223372036854775808', 2 ** 63],
  ['123456789012345678901', 1.2345678901234568e20],
])('%s is held as one value only', (text, value) => {
  expect(integerOf(text)).toBe(value);
  expect(integerOfBigInt(BigInt(text))).toBe(value);
  expect(readJson(`{"a":[${text}]}`)).toEqual({ a: [Object.is(Number(text), -0) ? -0 : value] });
});

test('every int64 survives reading and writing, also as a key or text beside it', () => {
  fc.assert(
    fc.property(int64, fc.jsonValue(), (value, other) => {
      const text = `{"big":${value},"text":"${value}","other":${JSON.stringify(other)},"list":[${value},1]}`;
      expect(JSON.parse(goJson(readJson(text)))).toEqual(JSON.parse(text));
      expect(goJson(readJson(text))).toContain(`"big":${value},"text":"${value}"`);
    }),
  );
});

test('floats are written as Go writes them', () => {
  const text = '{"a":1.0,"b":1e3,"c":1E-7,"d":3.141592653589793238,"e":1e300,"f":123456789012345678901.5,"g":0.0}';
  expect(goJson(readJson(text))).toBe('{"a":1,"b":1000,"c":1e-7,"d":3.141592653589793,"e":1e+300,"f":123456789012345680000,"g":0}');
});

test('__proto__ stays a key on the exact path too', () => {
  expect(goJson(readJson('{"__proto__":{"a":9007199254740993},"constructor":1}'))).toBe(
    '{"__proto__":{"a":9007199254740993},"constructor":1}',
  );
});

test('what HTML takes for markup is escaped, and only that', () => {
  expect(goJson({ '<a>': 'x & y\u2028\u2029 \\u003c "ä"' })).toBe('{"\\u003ca\\u003e":"x \\u0026 y\\u2028\\u2029 \\\\u003c \\"ä\\""}');
});
