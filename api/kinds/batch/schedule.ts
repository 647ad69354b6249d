// The syntax of cron schedules, as the controller reads them: five fields or a descriptor.

/** The values of one field. `any`: it was written as `*` or `?` without a step. */
interface CronField {
  readonly values: ReadonlySet<number>;
  readonly any: boolean;
}

/** A schedule: at these minutes of these days, or every so often. `zone`: written in front of it. */
export type Schedule = { readonly zone?: string } & (
  | {
      readonly minute: CronField;
      readonly hour: CronField;
      readonly dayOfMonth: CronField;
      readonly month: CronField;
      readonly dayOfWeek: CronField;
    }
  | { readonly everyMs: number }
);

interface Bounds {
  min: number;
  max: number;
  names?: Readonly<Record<string, number>>;
}

const named = (names: string, first: number): Record<string, number> =>
  Object.fromEntries(names.split(' ').map((name, i) => [name, i + first]));

const fields: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: named('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  { min: 0, max: 6, names: named('sun mon tue wed thu fri sat', 0) },
];

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

class ScheduleError extends Error {}

function integer(text: string): number {
  if (!/^[-+]?[0-9]+$/.test(text))
    throw new ScheduleError(`failed to parse int from ${text}: strconv.Atoi: parsing "${text}": invalid syntax`);
  const value = Number(text);
  if (value < 0) throw new ScheduleError(`negative number (${value}) not allowed: ${text}`);
  return value;
}

const position = (text: string, { names }: Bounds): number => names?.[text.toLowerCase()] ?? integer(text);

/** Adds the values of `1-5/2` to `into`; true when it stands for any value. */
function readRange(text: string, bounds: Bounds, into: Set<number>): boolean {
  const [range = '', step, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreHyphens] = range.split('-');
  const any = low === '*' || low === '?';
  let start: number;
  let end: number;
  if (any) [start, end] = [bounds.min, bounds.max];
  else {
    start = position(low, bounds);
    if (moreHyphens.length) throw new ScheduleError(`too many hyphens: ${text}`);
    end = high === undefined ? start : position(high, bounds);
  }
  if (moreSteps.length) throw new ScheduleError(`too many slashes: ${text}`);
  let stride = 1;
  if (step !== undefined) {
    stride = integer(step);
    if (high === undefined) end = bounds.max;
  }
  if (start < bounds.min) throw new ScheduleError(`beginning of range (${start}) below minimum (${bounds.min}): ${text}`);
  if (end > bounds.max) throw new ScheduleError(`end of range (${end}) above maximum (${bounds.max}): ${text}`);
  if (start > end) throw new ScheduleError(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (stride === 0) throw new ScheduleError(`step of range should be a positive number: ${text}`);
  for (let value = start; value <= end; value += stride) into.add(value);
  return any && stride === 1;
}

function readField(text: string, bounds: Bounds): CronField {
  const values = new Set<number>();
  const any = text
    .split(',')
    .filter((piece) => piece !== '')
    .map((piece) => readRange(piece, bounds, values));
  return { values, any: any.includes(true) };
}

/** Go's duration, whole seconds of it and at least one. */
function everyMs(text: string): number {
  const every = text.slice('@every '.length);
  if (!/^[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$/.test(every)) {
    throw new ScheduleError(`failed to parse duration ${text}: time: invalid duration "${every}"`);
  }
  const parts = [...every.matchAll(/([0-9]+(?:\.[0-9]*)?)(ns|us|µs|ms|s|m|h)/g)];
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit as string] as number), 0);
  return every.startsWith('-') ? 1000 : Math.max(1000, Math.floor(ms / 1000) * 1000);
}

/** @throws ScheduleError whose message is upstream's */
export function parseSchedule(schedule: string): Schedule {
  let text = schedule;
  const found = /^(?:CRON_)?TZ=([^ ]*) ?/.exec(text);
  if (found) text = text.slice(found[0].length).trim();
  const zone = found ? { zone: found[1] as string } : {};
  if (text.startsWith('@every ')) return { ...zone, everyMs: everyMs(text) };
  if (text.startsWith('@')) {
    const meant = descriptors[text];
    if (meant === undefined) throw new ScheduleError(`unrecognized descriptor: ${text}`);
    text = meant;
  }
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (parts.length !== 5) throw new ScheduleError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = parts.map((part, i) => readField(part, fields[i]!)) as [
    CronField,
    CronField,
    CronField,
    CronField,
    CronField,
  ];
  return { ...zone, minute, hour, dayOfMonth, month, dayOfWeek };
}

/** Why a text is no schedule; undefined when it is one. */
export function scheduleProblem(schedule: string): string | undefined {
  try {
    parseSchedule(schedule);
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleError) return error.message;
    throw error;
  }
}
