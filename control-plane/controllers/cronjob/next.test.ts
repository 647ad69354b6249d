import { expect, test } from 'vitest';
import { parseSchedule } from '../../../api/kinds/index.ts';
import { nextTime, zonedTime, zoneExists } from './next.ts';

const next = (schedule: string, after: string, zone = ''): string | undefined => {
  const ms = nextTime(parseSchedule(schedule), zone, Date.parse(after));
  return ms === undefined ? undefined : zonedTime(zone, ms);
};

test.each<[string, string, string | undefined]>([
  ['* * * * *', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00Z'],
  ['* * * * *', '2026-01-01T00:01:00Z', '2026-01-01T00:02:00Z'],
  ['0/15 * * * *', '2012-07-09T14:45:00Z', '2012-07-09T15:00:00Z'],
  ['20-35/15 * * * *', '2012-07-09T23:46:00Z', '2012-07-10T00:20:00Z'],
  ['@hourly', '2026-12-31T23:00:00Z', '2027-01-01T00:00:00Z'],
  ['@yearly', '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['0 0 * Feb Mon', '2012-07-09T23:35:00Z', '2013-02-04T00:00:00Z'],
  ['0 0 29 2 ?', '2012-07-09T23:35:00Z', '2016-02-29T00:00:00Z'],
  ['0 12 13 * 5', '2026-02-01T00:00:00Z', '2026-02-06T12:00:00Z'], // the 13th or a Friday
  ['0 12 */2 * 5', '2026-02-01T00:00:00Z', '2026-02-01T12:00:00Z'], // a step is a restriction
  ['@every 90s', '2026-01-01T00:00:10.5Z', '2026-01-01T00:01:40Z'],
  ['59 23 31 2 *', '2026-01-01T00:00:00Z', undefined],
])('%s after %s', (schedule, after, at) => {
  expect(next(schedule, after)).toBe(at);
});

const york = 'America/New_York';
test.each<[string, string, string, string]>([
  ['clocks go forward: a skipped time waits for the next year', '30 2 11 3 ?', '2012-03-11T00:00:00-05:00', '2013-03-11T02:30:00-04:00'],
  ['clocks go forward: hourly goes on', '0 * * * ?', '2012-03-11T01:00:00-05:00', '2012-03-11T03:00:00-04:00'],
  ['clocks go back: the hour comes twice', '45 1 4 11 ?', '2012-11-04T01:45:00-04:00', '2012-11-04T01:45:00-05:00'],
  ['clocks go back: later the same day', '30 2 4 11 ?', '2012-11-04T00:00:00-04:00', '2012-11-04T02:30:00-05:00'],
  ['midnight is local', '0 0 * * *', '2026-06-01T12:00:00Z', '2026-06-02T00:00:00-04:00'],
])('%s', (_, schedule, after, at) => {
  expect(next(schedule, after, york)).toBe(at);
});

test('a zone in front of the schedule wins', () => {
  expect(nextTime(parseSchedule('TZ=Asia/Kolkata 0 0 * * *'), york, Date.parse('2026-01-01T00:00:00Z'))).toBe(
    Date.parse('2026-01-02T00:00:00+05:30'),
  );
});

test('zones', () => {
  expect(['', 'UTC', 'Europe/Berlin', 'Mars/Base'].map(zoneExists)).toEqual([true, true, true, false]);
});
