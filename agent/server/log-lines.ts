// Container logs in CRI format: which lines a request wants and how they look. Pure.

/** `<RFC 3339 stamp> stdout|stderr F|P <text>`; undefined: not such a line. */
export interface LogLine {
  /** As written. */
  time: string;
  stream: 'stdout' | 'stderr';
  /** Not ended by a newline in the output of the container. */
  partial: boolean;
  text: Buffer;
}

const SPACE = 0x20;
const BRACE = 0x7b;

export function parseLine(line: Buffer): LogLine | undefined {
  if (line[0] === BRACE) return parseDockerLine(line);
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  const third = line.indexOf(SPACE, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const partial = line.toString('latin1', second + 1, third).split(':')[0] === 'P';
  return { time: line.toString('latin1', 0, first), stream, partial, text: line.subarray(third + 1) };
}

/** Docker's json-file format: a line is whole when its text ends with a newline. */
function parseDockerLine(line: Buffer): LogLine | undefined {
  try {
    const { log, stream, time } = JSON.parse(line.toString()) as { log?: string; stream?: string; time?: string };
    if (log === undefined || time === undefined || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
    const partial = !log.endsWith('\n');
    return { time, stream, partial, text: Buffer.from(partial ? log : log.slice(0, -1)) };
  } catch {
    return undefined;
  }
}

export interface LogWish {
  timestamps: boolean;
  /** Lines before are left out; milliseconds since the epoch. */
  sinceMs?: number;
  stream?: 'stdout' | 'stderr';
  limitBytes?: number;
}

/** The stamp as upstream prints it: nine digits of a second, `Z` for UTC. conmon writes `+00:00`. */
export function printedStamp(time: string): string {
  const match = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (!match) return time;
  const [, seconds, fraction = '', zone] = match;
  return `${seconds}.${fraction.padEnd(9, '0')}${zone === '+00:00' ? 'Z' : zone}`;
}

/** Turns lines into what the client gets; one writer a request, since stamps and limits span lines. */
export class LogWriter {
  readonly #wish: LogWish;
  #left: number;
  #atStart = true;

  constructor(wish: LogWish) {
    this.#wish = wish;
    this.#left = wish.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  get isFull(): boolean {
    return this.#left <= 0;
  }

  /** Empty when the line is not wanted. */
  write(raw: Buffer): Buffer {
    const line = parseLine(raw);
    if (!line || this.isFull) return EMPTY;
    if (this.#wish.sinceMs !== undefined && Date.parse(line.time) < this.#wish.sinceMs) return EMPTY;
    if (this.#wish.stream && line.stream !== this.#wish.stream) return EMPTY;
    const stamp = this.#wish.timestamps && this.#atStart ? Buffer.from(`${printedStamp(line.time)} `) : EMPTY;
    this.#atStart = !line.partial;
    const whole = Buffer.concat([stamp, line.text, line.partial ? EMPTY : NEWLINE]);
    const out = whole.length > this.#left ? whole.subarray(0, this.#left) : whole;
    this.#left -= out.length;
    return out;
  }
}

const EMPTY = Buffer.alloc(0);
const NEWLINE = Buffer.from('\n');
