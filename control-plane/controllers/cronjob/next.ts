// When a schedule is due next, in a time zone. Pure: the zone's rules are the runtime's.
import type { Schedule } from '../../../api/kinds/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A schedule that finds no day within so many years (31 February) is never due. */
const YEARS_MAX = 5;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Undefined: there is no such zone. '' and UTC need no rules. */
function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  let format = formats.get(zone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    } catch {
      return undefined;
    }
    formats.set(zone, format); // bounded: by the number of zones that exist
  }
  return format;
}

const isUtc = (zone: string): boolean => zone === '' || zone === 'UTC';

export const zoneExists = (zone: string): boolean => isUtc(zone) || formatOf(zone) !== undefined;

/** What the zone's clocks are ahead of UTC at that moment. */
function offsetMs(zone: string, ms: number): number {
  if (isUtc(zone)) return 0;
  const name =
    formatOf(zone)
      ?.formatToParts(ms)
      .find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const found = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(name);
  if (!found) return 0;
  const [, sign, hours, minutes, seconds = '0'] = found;
  return (sign === '-' ? -1 : 1) * (Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1000);
}

/** The moment at which the zone's clocks show `wall` (as if it were UTC); of a time that they skip, one next to it. */
function momentOf(zone: string, wall: number): number {
  const first = offsetMs(zone, wall);
  const guess = wall - first;
  return wall - offsetMs(zone, guess);
}

const wallOf = (zone: string, ms: number): Date => new Date(ms + offsetMs(zone, ms));

/** RFC 3339 with the zone's offset. */
export function zonedTime(zone: string, ms: number): string {
  const offset = offsetMs(zone, ms);
  const text = new Date(ms + offset).toISOString().slice(0, 19);
  if (offset === 0) return `${text}Z`;
  const minutes = Math.abs(offset) / MINUTE_MS;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${text}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

type Fields = Exclude<Schedule, { everyMs: number }>;

/** Both day fields must fit, unless both are restricted: then one of them is enough (as cron does). */
function fitsDay({ dayOfMonth, dayOfWeek }: Fields, wall: Date): boolean {
  const byMonth = dayOfMonth.values.has(wall.getUTCDate());
  const byWeek = dayOfWeek.values.has(wall.getUTCDay());
  return dayOfMonth.any || dayOfWeek.any ? byMonth && byWeek : byMonth || byWeek;
}

/** The first moment after `afterMs` at which the schedule is due; undefined: never. */
export function nextTime(schedule: Schedule, defaultZone: string, afterMs: number): number | undefined {
  if ('everyMs' in schedule) return Math.floor(afterMs / 1000) * 1000 + schedule.everyMs;
  const zone = schedule.zone ?? defaultZone;
  let ms = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  const lastYear = wallOf(zone, ms).getUTCFullYear() + YEARS_MAX;
  for (;;) {
    const wall = wallOf(zone, ms);
    const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()];
    if (year > lastYear) return undefined;
    if (!schedule.month.values.has(month + 1)) ms = later(ms, momentOf(zone, Date.UTC(year, month + 1, 1)));
    else if (!fitsDay(schedule, wall)) ms = later(ms, momentOf(zone, Date.UTC(year, month, day + 1)));
    else if (!schedule.hour.values.has(wall.getUTCHours())) ms += HOUR_MS - (wall.getTime() % HOUR_MS);
    else if (!schedule.minute.values.has(wall.getUTCMinutes())) ms += MINUTE_MS;
    else return ms;
  }
}

/** A skipped midnight must not lead back. */
const later = (ms: number, next: number): number => (next > ms ? next : ms + HOUR_MS);
