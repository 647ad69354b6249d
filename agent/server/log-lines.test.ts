import { expect, test } from 'vitest';
import { type LogWish, LogWriter, parseLine, printedStamp } from './log-lines.ts';

const lines = [
  '2026-01-01T00:00:00.000000001Z stdout F one',
  '2026-01-01T00:00:01.000000001Z stderr F two words',
  '2026-01-01T00:00:02.000000001Z stdout P par',
  '2026-01-01T00:00:02.000000002Z stdout F tial',
  'torn',
];
const read = (wish: Partial<LogWish>) => {
  const writer = new LogWriter({ timestamps: false, ...wish });
  return Buffer.concat(lines.map((line) => writer.write(Buffer.from(line)))).toString();
};

test.each<[Partial<LogWish>, string]>([
  [{}, 'one\ntwo words\npartial\n'],
  [{ stream: 'stderr' }, 'two words\n'],
  [{ sinceMs: Date.parse('2026-01-01T00:00:02Z') }, 'partial\n'],
  [{ limitBytes: 6 }, 'one\ntw'],
  [{ timestamps: true, sinceMs: Date.parse('2026-01-01T00:00:02Z') }, '2026-01-01T00:00:02.000000001Z partial\n'],
])('%j', (wish, text) => expect(read(wish)).toBe(text));

test('an empty line is a line', () => {
  expect(parseLine(Buffer.from('2026-01-01T00:00:00Z stdout F '))?.text.length).toBe(0);
});

test.each([
  ['2026-01-01T00:00:02.5+00:00', '2026-01-01T00:00:02.500000000Z'],
  ['2026-01-01T00:00:02.123456789Z', '2026-01-01T00:00:02.123456789Z'],
  ['2026-01-01T00:00:02+02:00', '2026-01-01T00:00:02.000000000+02:00'],
])('the stamp %s is printed as %s', (written, printed) => {
  expect(printedStamp(written)).toBe(printed);
});

test("Docker's json-file lines are read like CRI's; what is neither is left out", () => {
  const line = (log: string) => Buffer.from(JSON.stringify({ log, stream: 'stderr', time: '2026-01-01T00:00:00.5Z' }));
  expect(parseLine(line('whole\n'))).toEqual({
    time: '2026-01-01T00:00:00.5Z',
    stream: 'stderr',
    partial: false,
    text: Buffer.from('whole'),
  });
  expect(parseLine(line('part'))).toMatchObject({ partial: true, text: Buffer.from('part') });
  expect(parseLine(Buffer.from('{"log":'))).toBeUndefined();
  expect(parseLine(Buffer.from('{"stream":"stdout"}'))).toBeUndefined();
});
