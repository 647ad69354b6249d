// Times as Go reads and writes them: RFC 3339, errors in the words of time.Parse.

const SECONDS_LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';

/** What is read one after the other: Go's name of the element and its form. */
const parts: readonly [string, RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d{2}/],
  ['-', /^-/],
  ['02', /^\d{2}/],
  ['T', /^T/],
  ['15', /^\d{2}/],
  [':', /^:/],
  ['04', /^\d{2}/],
  [':', /^:/],
  ['05', /^\d{2}/],
];
const zone: [string, RegExp] = ['Z07:00', /^(Z|[+-]\d{2}:\d{2})/];

const plain = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$/;

/** Whole seconds in UTC. Throws an Error with Go's text. */
export function canonicalTime(text: string): string {
  if (text.length === 20 && plain.test(text) && valid(text)) return text;
  return `${read(text, SECONDS_LAYOUT, /^(?:[.,]\d+)?/)
    .toISOString()
    .slice(0, 19)}Z`;
}

/** Microseconds in UTC, exactly six digits. */
export function canonicalMicroTime(text: string): string {
  const micros = /[.](\d{6})(?!\d)/.exec(text)?.[1] ?? '000000';
  if (text.length === 27 && plain.test(text) && valid(text)) return text;
  return `${read(text, MICRO_LAYOUT, /^\.\d{6}(?!\d)/)
    .toISOString()
    .slice(0, 19)}.${micros}Z`;
}

function read(text: string, layout: string, fraction: RegExp): Date {
  const quoted = JSON.stringify(text);
  let rest = text;
  const take = ([name, form]: readonly [string, RegExp]): string => {
    const found = form.exec(rest)?.[0];
    if (found === undefined)
      throw new Error(
        `parsing time ${quoted} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(name)}`,
      );
    rest = rest.slice(found.length);
    return found;
  };
  const [year, , month, , day, , hour, , minute, , second] = parts.map(take) as [string, ...string[]];
  take(['.000000', fraction]);
  const offset = take(zone);
  if (rest !== '') throw new Error(`parsing time ${quoted}: extra text: ${JSON.stringify(rest)}`);
  const wrong = outOfRange([year, month, day, hour, minute, second].map(Number));
  if (wrong) throw new Error(`parsing time ${quoted}: ${wrong} out of range`);
  return new Date(`${text.slice(0, 19)}${offset}`);
}

function outOfRange([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: number[]): string | undefined {
  if (month < 1 || month > 12) return 'month';
  if (day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return 'day';
  if (hour > 23) return 'hour';
  if (minute > 59) return 'minute';
  return second > 59 ? 'second' : undefined;
}

const valid = (text: string): boolean => !Number.isNaN(Date.parse(text));
