// Numbers against minimum, maximum, multipleOf and the range of their format. Integers are compared as integers, as far as int64 goes.

/** How a finding about a number is told. */
export interface NumberFindings {
  /** The field's name comes before the text. */
  about(text: string): void;
  /** The text is whole. */
  whole(text: string): void;
  /** The text is whole, and no field is named beside it. */
  unplaced(text: string): void;
}

interface Limits {
  type?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
}

type Numeric = number | bigint;

/** An integer by its value: 1.0 is one. A double beyond 2^53 is none: it may have lost digits. */
export const isInteger = (value: unknown): value is Numeric =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));

/** A double as Go prints it. */
function goNumber(value: Numeric): string {
  if (typeof value === 'bigint') return String(value);
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-4 && size < 1e21)) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

export function checkNumber(value: Numeric, limits: Limits, path: string, findings: NumberFindings): void {
  const range = rangeOf(limits);
  const outside = (one: Numeric, prefix: string): boolean => {
    if (range.holds(one)) return false;
    findings.unplaced(`${prefix} value must be of type ${range.name} in ${path}`);
    return true;
  };
  outside(value, 'Checked');
  const { multipleOf, maximum, minimum, exclusiveMaximum = false, exclusiveMinimum = false } = limits;
  if (multipleOf !== undefined) checkMultiple(value, multipleOf, outside(multipleOf, 'MultipleOf'), path, findings);
  if (minimum !== undefined) {
    const limit = comparable(value, minimum, outside(minimum, 'Minimum boundary'));
    if (value < limit || (exclusiveMinimum && value === limit))
      findings.about(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${goNumber(limit)}`);
  }
  if (maximum !== undefined) {
    const limit = comparable(value, maximum, outside(maximum, 'Maximum boundary'));
    if (value > limit || (exclusiveMaximum && value === limit))
      findings.about(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${goNumber(limit)}`);
  }
}

/** An integer is compared with the limit's whole part, unless the limit is out of the type's range. */
const comparable = (value: Numeric, limit: number, exact: boolean): number => (isInteger(value) && !exact ? Math.trunc(limit) : limit);

function checkMultiple(value: Numeric, factor: number, exact: boolean, path: string, findings: NumberFindings): void {
  const by = comparable(value, factor, exact);
  if (by <= 0) findings.whole(`factor MultipleOf declared for ${path} must be positive: ${goNumber(by)}`);
  else if (!isMultiple(value, by)) findings.about(`should be a multiple of ${goNumber(by)}`);
}

function isMultiple(value: Numeric, factor: number): boolean {
  if (typeof value === 'bigint' && Number.isInteger(factor)) return value % BigInt(factor) === 0n;
  const times = factor < 1 ? (1 / factor) * Number(value) : Number(value) / factor;
  return isWhole(times);
}

/** Whole but for the error that a division of doubles may leave. */
function isWhole(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const whole = Math.trunc(value);
  if (value === whole) return true;
  const difference = Math.abs(value - whole);
  return whole !== 0 && difference / (Math.abs(value) + Math.abs(whole)) < 1e-9;
}

const INT64_MAX = 2n ** 63n - 1n;
const FLOAT32_MAX = 3.4028235677973366e38;

function rangeOf({ type, format }: Limits): { name: string; holds(value: Numeric): boolean } {
  if (type === 'integer') {
    const max = format === 'int32' ? 2n ** 31n - 1n : INT64_MAX;
    const name = format === 'int32' || format === 'int64' ? `integer with format ${format}` : 'integer (default format)';
    return { name, holds: (value) => isInteger(value) && value <= max && value >= -max - 1n };
  }
  if (type === 'number' && format === 'float')
    return { name: 'number with format float', holds: (value) => Math.abs(Number(value)) < FLOAT32_MAX };
  return { name: '', holds: () => true };
}
