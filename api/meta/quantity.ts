// Quantities (`500m`, `1Gi`): exact numbers with a format, and the text that the server keeps.

export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

/** Immutable. The value is `unscaled * 10^scale`, exact. */
export interface Quantity {
  readonly unscaled: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** As it was written, when that is how it is to be kept. */
  readonly text?: string;
}

class QuantityError extends Error {}

const quantityFormatText = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixText = "unable to parse quantity's suffix";

const decimalSuffixes: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binarySuffixes: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalNames = new Map(Object.entries(decimalSuffixes).map(([name, exponent]) => [exponent, name]));
const binaryNames = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const int64Max = 2n ** 63n - 1n;
/** Exponents beyond this are cut: no number of a cluster is as big, and powers cost memory. */
const scaleMax = 400;
const form = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

interface Suffix {
  base: 2 | 10;
  exponent: number;
  format: QuantityFormat;
}

function suffixOf(text: string): Suffix {
  const decimal = decimalSuffixes[text];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes[text];
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  const exponent = /^[eE]([-+]?[0-9]+)$/.exec(text);
  if (!exponent) throw new QuantityError(suffixText);
  return { base: 10, exponent: Number(exponent[1]), format: 'DecimalExponent' };
}

const pow10 = (exponent: number): bigint => 10n ** BigInt(Math.min(exponent, scaleMax));

/** Rounds away from zero at 10^scale. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (quotient * divisor === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

/** Throws QuantityError with upstream's text. Numbers are taken as their decimal text. */
export function parseQuantity(input: string | number): Quantity {
  const written = typeof input === 'number' ? String(input) : input.trim();
  if (written === '0') return { unscaled: 0n, scale: 0, format: 'DecimalSI', text: '0' };
  const match = written === '' ? null : form.exec(written);
  if (!match) throw new QuantityError(quantityFormatText);
  const [, sign, digits, fraction = '', suffixPart] = match as unknown as [string, string, string, string | undefined, string];
  const suffix = suffixOf(suffixPart);
  const whole = digits === '' ? '0' : digits;
  const magnitude = BigInt(whole + fraction);
  const signed = sign === '-' ? -magnitude : magnitude;

  const fast = keepsText(whole, fraction, suffix, magnitude, written);
  if (fast !== undefined) return { unscaled: suffix.base === 2 ? signed << BigInt(suffix.exponent) : signed, ...fast };
  return rounded(signed, fraction.length, suffix);
}

/** Upstream's first way: numbers that fit 64 bits, whose text is kept when it looks canonical. */
function keepsText(
  whole: string,
  fraction: string,
  suffix: Suffix,
  magnitude: bigint,
  text: string,
): Omit<Quantity, 'unscaled'> | undefined {
  const { base, exponent, format } = suffix;
  if (base === 2) {
    if (fraction !== '' || 15 - whole.length - Math.trunc((exponent * 3) / 10) - 1 < 0) return undefined;
    if (magnitude << BigInt(exponent) > int64Max) return undefined;
    return exponent % 10 === 0 && (magnitude & 7n) !== 0n ? { scale: 0, format, text } : { scale: 0, format };
  }
  const shifted = whole + fraction;
  if (18 - shifted.length < 0) return undefined;
  const scale = exponent - fraction.length;
  if (scale < -9) return undefined;
  return scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0') ? { scale, format, text } : { scale, format };
}

/** Upstream's second way: any size, rounded up to whole nanos, capped to 64 bits if binary. */
function rounded(signed: bigint, fractionDigits: number, suffix: Suffix): Quantity {
  let unscaled = suffix.base === 2 ? signed << BigInt(suffix.exponent) : signed;
  let scale = (suffix.base === 10 ? suffix.exponent : 0) - fractionDigits;
  if (scale < -9) {
    unscaled = -scale - 9 > scaleMax + 100 && unscaled !== 0n ? (unscaled < 0n ? -1n : 1n) : divideUp(unscaled, 10n ** BigInt(-scale - 9));
    scale = -9;
  }
  let format = suffix.format;
  if (format === 'BinarySI') {
    const one = pow10(-scale);
    const size = unscaled < 0n ? -unscaled : unscaled;
    if (scale <= 0 && size > int64Max * one) unscaled = (unscaled < 0n ? -int64Max : int64Max) * one;
    if (size > 0n && size < one) format = 'DecimalSI';
  }
  return { unscaled, scale, format };
}

/** The same value at two quantities' finer scale. */
function aligned(a: Quantity, b: Quantity): [bigint, bigint, number] {
  const scale = Math.min(a.scale, b.scale);
  return [a.unscaled * pow10(a.scale - scale), b.unscaled * pow10(b.scale - scale), scale];
}

const asQuantity = (value: Quantity | string | number): Quantity => (typeof value === 'object' ? value : parseQuantity(value));

/** Negative, zero or positive, as sorts want it. */
export function compareQuantities(a: Quantity | string | number, b: Quantity | string | number): number {
  const [left, right] = aligned(asQuantity(a), asQuantity(b));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The sum in the format of the first that is not zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const [left, right, scale] = aligned(a, b);
  return { unscaled: left + right, scale, format: a.unscaled === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  const [left, right, scale] = aligned(a, b);
  return { unscaled: left - right, scale, format: a.unscaled === 0n ? b.format : a.format };
}

export const multiplyQuantity = (quantity: Quantity, by: number | bigint): Quantity => ({
  unscaled: quantity.unscaled * BigInt(by),
  scale: quantity.scale,
  format: quantity.format,
});

/** The value in units of 10^scale, rounded up (away from zero). */
export function quantityAtScale(quantity: Quantity, scale: number): bigint {
  const shift = quantity.scale - scale;
  return shift >= 0 ? quantity.unscaled * pow10(shift) : divideUp(quantity.unscaled, pow10(-shift));
}

/** Thousandths, rounded up: millicores. */
export const toMilli = (quantity: Quantity | string | number): bigint => quantityAtScale(asQuantity(quantity), -3);

/** Whole units, rounded up: bytes. */
export const toInteger = (quantity: Quantity | string | number): bigint => quantityAtScale(asQuantity(quantity), 0);

export const isZeroQuantity = (quantity: Quantity | string | number): boolean => asQuantity(quantity).unscaled === 0n;
/** -1, 0 or 1 */
export function quantitySign(quantity: Quantity | string | number): number {
  const { unscaled } = asQuantity(quantity);
  return unscaled < 0n ? -1 : unscaled > 0n ? 1 : 0;
}

export const milliQuantity = (value: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity => ({
  unscaled: BigInt(value),
  scale: -3,
  format,
});

/** The text that the server answers: as written where that is kept, canonical otherwise. */
export const quantityText = (quantity: Quantity): string => quantity.text ?? canonicalText(quantity);

function canonicalText(quantity: Quantity): string {
  if (quantity.unscaled === 0n) return '0';
  if (quantity.format === 'BinarySI') {
    const binary = binaryText(quantity);
    if (binary !== undefined) return binary;
  }
  let { unscaled, scale } = quantity;
  while (unscaled % 10n === 0n) {
    unscaled /= 10n;
    scale++;
  }
  // The exponent is made a multiple of three, downwards.
  const down = ((scale % 3) + 3) % 3;
  unscaled *= pow10(down);
  scale -= down;
  if (quantity.format === 'DecimalExponent') return scale === 0 ? String(unscaled) : `${unscaled}e${scale}`;
  return `${unscaled}${decimalNames.get(scale) ?? ''}`;
}

/** Undefined: it is to be shown as a decimal (small, or not whole). */
function binaryText(quantity: Quantity): string | undefined {
  const whole = quantityAtScale(quantity, 0);
  const size = whole < 0n ? -whole : whole;
  if (size < 1024n || quantityAtScale(quantity, -9) !== whole * 1_000_000_000n) return undefined;
  let value = whole;
  let times = 0;
  while (value % 1024n === 0n && times < 6) {
    value /= 1024n;
    times++;
  }
  return `${value}${binaryNames[times]}`;
}

/** What the server keeps of a written quantity: `1000m` -> `1`. Throws QuantityError. */
export const canonicalQuantity = (text: string | number): string => quantityText(parseQuantity(text));
