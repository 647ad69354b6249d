// From-to figures of the static cost estimate; they saturate at 2^64 - 1, which means "unknown, could be anything".

export interface Range {
  readonly min: number;
  readonly max: number;
}

export const UNKNOWN_MAX = 2 ** 64;
export const UNKNOWN: Range = { min: 0, max: UNKNOWN_MAX };
export const exactly = (value: number): Range => ({ min: value, max: value });
export const NOTHING = exactly(0);
export const ONE = exactly(1);

const saturated = (value: number): number => Math.min(value, UNKNOWN_MAX);

export const add = (a: Range, b: Range): Range => ({ min: saturated(a.min + b.min), max: saturated(a.max + b.max) });
export const multiply = (a: Range, b: Range): Range => ({ min: saturated(a.min * b.min), max: saturated(a.max * b.max) });
export const scale = (a: Range, factor: number): Range => ({
  min: saturated(Math.ceil(a.min * factor)),
  max: saturated(Math.ceil(a.max * factor)),
});
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
export const sum = (ranges: readonly Range[]): Range => ranges.reduce(add, NOTHING);
