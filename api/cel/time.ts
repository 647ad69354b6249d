// Durations and timestamps as texts, as Go reads and writes them; and doubles, whose form they share.
import { CelError } from './problems.ts';
import { Duration, Timestamp } from './values.ts';

const SECOND = 1_000_000_000n;
const DURATION_MAX = 2n ** 63n - 1n;
const EARLIEST = -62_135_596_800n * SECOND;
const LATEST = 253_402_300_800n * SECOND - 1n;

export function checkedDuration(nanos: bigint): Duration {
  if (nanos > DURATION_MAX || nanos < -DURATION_MAX - 1n) throw new CelError('duration overflow');
  return new Duration(nanos);
}

export function checkedTimestamp(nanos: bigint): Timestamp {
  if (nanos < EARLIEST || nanos > LATEST) throw new CelError('timestamp overflow');
  return new Timestamp(nanos);
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
};
const FAILED = "type conversion error from 'string' to 'google.protobuf.Duration'";

/** Go's time.ParseDuration: `1h30m`, `-1.5s`, `0`. */
export function parseDuration(text: string): Duration {
  const sign = /^[+-]/.exec(text)?.[0];
  const body = sign ? text.slice(1) : text;
  if (body === '0') return new Duration(0n);
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) throw new CelError(FAILED);
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit] of body.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = UNITS[unit!]!;
    nanos += BigInt(whole || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
  }
  if (nanos > DURATION_MAX) throw new CelError(FAILED);
  return new Duration(sign === '-' ? -nanos : nanos);
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,}))?(Z|[+-]\d\d:\d\d)$/;

export function parseTimestamp(text: string): Timestamp {
  const match = RFC3339.exec(text);
  const failed = (): CelError => new CelError("type conversion error from 'string' to 'google.protobuf.Timestamp'");
  if (!match) throw failed();
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  const millis = Date.parse(iso);
  if (Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 19) !== iso.slice(0, 19)) throw failed();
  const offset = zone === 'Z' ? 0 : zoneSeconds(zone!);
  if (offset === undefined) throw failed();
  const nanos = BigInt(fraction.padEnd(9, '0').slice(0, 9));
  return checkedTimestamp(BigInt(millis / 1000 - offset) * SECOND + nanos);
}

function zoneSeconds(zone: string): number | undefined {
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4, 6))];
  if (hours > 24 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60);
}

export function timestampText(time: Timestamp): string {
  const fraction = ((time.nanos % SECOND) + SECOND) % SECOND;
  const seconds = (time.nanos - fraction) / SECOND;
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${date}${fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`}Z`;
}

export function durationText(duration: Duration): string {
  const { nanos } = duration;
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = size % SECOND;
  return `${nanos < 0n ? '-' : ''}${size / SECOND}${fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`}s`;
}

/** Go's %g: an exponent of two digits at least, from 1e+06 on and below 1e-04. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value).includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
