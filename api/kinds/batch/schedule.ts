// The syntax of cron schedules, as the controller reads them: five fields or a descriptor.

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

const descriptors = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);

class ScheduleError extends Error {}

function integer(text: string): number {
  if (!/^[-+]?[0-9]+$/.test(text))
    throw new ScheduleError(`failed to parse int from ${text}: strconv.Atoi: parsing "${text}": invalid syntax`);
  const value = Number(text);
  if (value < 0) throw new ScheduleError(`negative number (${value}) not allowed: ${text}`);
  return value;
}

const position = (text: string, { names }: Bounds): number => names?.[text.toLowerCase()] ?? integer(text);

function checkRange(text: string, bounds: Bounds): void {
  const [range = '', step, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreHyphens] = range.split('-');
  let start: number;
  let end: number;
  if (low === '*' || low === '?') [start, end] = [bounds.min, bounds.max];
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
}

function check(schedule: string): void {
  let text = schedule;
  const zone = /^(?:CRON_)?TZ=([^ ]*) ?/.exec(text);
  if (zone) text = text.slice(zone[0].length).trim();
  if (text.startsWith('@')) {
    if (descriptors.has(text)) return;
    if (!text.startsWith('@every ')) throw new ScheduleError(`unrecognized descriptor: ${text}`);
    const every = text.slice('@every '.length);
    if (!/^[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$/.test(every)) {
      throw new ScheduleError(`failed to parse duration ${text}: time: invalid duration "${every}"`);
    }
    return;
  }
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (parts.length !== 5) throw new ScheduleError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  parts.forEach((part, i) => {
    for (const range of part.split(',').filter((piece) => piece !== '')) checkRange(range, fields[i]!);
  });
}

/** Why a text is no schedule; undefined when it is one. */
export function scheduleProblem(schedule: string): string | undefined {
  try {
    check(schedule);
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleError) return error.message;
    throw error;
  }
}
