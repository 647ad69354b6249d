// Texts of job indexes: `0,2-4,7`.

export interface IndexProblem {
  problem: string;
}

type Interval = readonly [number, number];

function parseInterval(text: string, completions: number): Interval | IndexProblem {
  const parts = text.split('-');
  if (parts.length > 2) {
    return {
      problem: `the fragment "${text}" violates the requirement that an index interval can have at most two parts separated by '-'`,
    };
  }
  const limits: number[] = [];
  for (const part of parts) {
    if (!/^[+-]?[0-9]+$/.test(part)) return { problem: `cannot convert string to integer for index: "${part}"` };
    if (Number(part) >= completions) return { problem: `too large index: "${part}"` };
    limits.push(Number(part));
  }
  const [first = 0, last = first] = limits;
  if (parts.length === 2 && first >= last) return { problem: `non-increasing order, previous: ${first}, current: ${last}` };
  return [first, last];
}

const isProblem = (value: Interval | IndexProblem): value is IndexProblem => 'problem' in value;

/** How many indexes the text names; they must rise and lie below `completions`. */
export function countIndexes(text: string, completions: number): number | IndexProblem {
  if (text === '') return 0;
  let total = 0;
  let previous: number | undefined;
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (isProblem(interval)) return interval;
    const [first, last] = interval;
    if (previous !== undefined && previous >= first) return { problem: `non-increasing order, previous: ${previous}, current: ${first}` };
    total += last - first + 1;
    previous = last;
  }
  return total;
}

/** The first index that both texts name, if any; parts that cannot be read are passed over. */
export function firstOverlap(a: string, b: string, completions: number): number | undefined {
  const intervals = (text: string): Interval[] =>
    text
      .split(',')
      .map((part) => parseInterval(part, completions))
      .filter((interval): interval is Interval => !isProblem(interval));
  const others = intervals(b);
  for (const [first, last] of intervals(a)) {
    const other = others.find((interval) => interval[0] <= last && first <= interval[1]);
    if (other) return Math.max(first, other[0]);
  }
  return undefined;
}
