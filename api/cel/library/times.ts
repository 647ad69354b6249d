// Parts of timestamps and durations; time zones by name or as `+02:00`, UTC without one.
import { declarer, type Overload } from '../declarations.ts';
import { CelError } from '../problems.ts';
import type { Duration, Timestamp } from '../values.ts';

const declare = declarer({}, true);
const MILLI = 1_000_000n;

const floorMillis = (time: Timestamp): number => Number(time.nanos / MILLI - (time.nanos % MILLI < 0n ? 1n : 0n));

/** The date whose UTC parts are the local ones there. */
function local(time: Timestamp, zone = 'UTC'): Date {
  const millis = floorMillis(time);
  if (zone === 'UTC' || zone === '') return new Date(millis);
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (offset) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(millis + (offset[1] === '-' ? -minutes : minutes) * 60_000);
  }
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(millis);
    const part = (type: string): number => Number(parts.find((one) => one.type === type)!.value);
    return new Date(
      Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'), ((millis % 1000) + 1000) % 1000),
    );
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

const dayOfYear = (date: Date): number => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000);

const PARTS: readonly [string, (date: Date) => number][] = [
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDayOfYear', dayOfYear],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
];

const SPANS: readonly [string, bigint][] = [
  ['getHours', 3_600_000_000_000n],
  ['getMinutes', 60_000_000_000n],
  ['getSeconds', 1_000_000_000n],
];

export const times: readonly Overload[] = [
  ...PARTS.flatMap(([name, part]) => [
    declare(`timestamp::${name}() int`, (time: Timestamp) => BigInt(part(local(time)))),
    declare(`timestamp::${name}(string) int`, (time: Timestamp, zone: string) => BigInt(part(local(time, zone)))),
  ]),
  ...SPANS.map(([name, nanos]) => declare(`duration::${name}() int`, (span: Duration) => span.nanos / nanos)),
  declare('duration::getMilliseconds() int', (span: Duration) => (span.nanos / MILLI) % 1000n),
];
