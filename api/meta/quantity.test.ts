// Quantities: kept texts, exact arithmetic.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  multiplyQuantity,
  parseQuantity,
  quantityText,
  subtractQuantities,
  toInteger,
  toMilli,
} from './quantity.ts';

describe('the text that is kept', () => {
  test.each([
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    ['05', '05'],
    ['+5', '+5'],
    ['1e3', '1e3'],
    ['1.5Gi', '1536Mi'],
    ['00', '0'],
    ['-0', '0'],
    ['0.1n', '1n'],
    ['2000', '2k'],
    ['0.1Gi', '107374182400m'],
    ['1500m', '1500m'],
    ['1000u', '1m'],
    ['1E', '1E'],
    ['1000000000000000M', '1'],
    ['9999999999Ei', '9223372036854775807'],
    [3, '3'],
  ])('%s is %s', (written, kept) => {
    expect(canonicalQuantity(written)).toBe(kept);
  });

  test.each(['', 'abc', '1.2.3', '1 Gi', '1Mb', '5e3k'])('%j is refused', (text) => {
    expect(() => parseQuantity(text)).toThrow('quantities must match the regular expression');
  });

  test.each(['1Km', '1ee', '1mm'])('%j has an unknown suffix', (text) => {
    expect(() => parseQuantity(text)).toThrow("unable to parse quantity's suffix");
  });
});

describe('exact numbers', () => {
  // From 10^21 on Kubernetes itself has no suffix left to write: its text is another number.
  const number = fc.bigInt({ min: 1n - 10n ** 15n, max: 10n ** 15n - 1n });
  const text = fc.tuple(number, fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'u')).map(([value, suffix]) => `${value}${suffix}`);

  test('the canonical text is the same number', () => {
    fc.assert(fc.property(text, (written) => compareQuantities(written, canonicalQuantity(written)) === 0));
  });

  test('canonical text stays as it is', () => {
    fc.assert(
      fc.property(text, (written) => {
        const once = canonicalQuantity(written);
        expect(canonicalQuantity(once)).toBe(once);
      }),
    );
  });

  test('subtraction undoes addition', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const sum = addQuantities(parseQuantity(a), parseQuantity(b));
        expect(compareQuantities(subtractQuantities(sum, parseQuantity(b)), a)).toBe(0);
      }),
    );
  });

  test('rounding goes up', () => {
    expect(toMilli('1u')).toBe(1n);
    expect(toInteger('1m')).toBe(1n);
    expect(toInteger('1001m')).toBe(2n);
    expect(toInteger('-1500m')).toBe(-2n);
    expect(quantityText(multiplyQuantity(parseQuantity('100m'), 25))).toBe('2500m');
  });
});
