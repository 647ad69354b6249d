// JSON as Kubernetes keeps it. This file owns how numbers are held in memory (docs/decisions/numbers.md):
//   - an integer within ±(2^53 - 1) is a number, always;
//   - an integer beyond, as far as int64 goes, is a bigint, always: so `===` and deepEqual need no special case;
//   - whatever else (a point, an exponent, more than int64 holds) is a number, a float64 as in Go.
// typeof 'bigint' is therefore an integer; a number that is no safe integer is a float. Arithmetic on an int64 field goes through Number().

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/** JSON.rawJSON and the source text in JSON.parse's reviver are newer than TypeScript's library. */
const nativeJson = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
};

// The one way to make JSON.stringify write bigints, whoever calls it.
Object.defineProperty(BigInt.prototype, 'toJSON', {
  value(this: bigint) {
    return nativeJson.rawJSON(String(this));
  },
  configurable: true,
  writable: true,
});

/** The value of an integer's text, `-?[0-9]+`. */
export function integerOf(text: string): number | bigint {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return Math.abs(value) > 2 ** 63 ? value : integerOfBigInt(BigInt(text));
}

/** The same of a bigint that another reader made. */
export function integerOfBigInt(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) || value > int64Max || value < int64Min ? rounded : value;
}

/** A digit run after which a double may not be exact, where a value can stand. */
const longInteger = /(?:^|[[:,\s])-?\d{16}/;
const integerText = /^-?\d+$/;

/** The same more coarsely: found without a look at every character. */
const longDigits = /\d{16}/;

/** JSON.parse that keeps int64: for texts that were read with care before (the store's) or need none. */
export function readJson(text: string): unknown {
  if (!longDigits.test(text) || !longInteger.test(text)) return JSON.parse(text);
  return nativeJson.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && integerText.test(source) ? integerOf(source) : value,
  );
}

const goEscaped = /[<>&\u2028\u2029]/;
const everyGoEscaped = /[<>&\u2028\u2029]/g;

/** JSON as Go's encoder writes it: what HTML could take for markup is escaped. Such characters stand in strings only. */
export function goJson(value: unknown, space?: number): string {
  const text = JSON.stringify(value, null, space);
  return goEscaped.test(text) ? text.replace(everyGoEscaped, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`) : text;
}
