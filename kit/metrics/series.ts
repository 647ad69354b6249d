// Counters, histograms and values of the moment, as Prometheus' text. Counting is a look-up by one string: label values are joined once.

export type Labels = Readonly<Record<string, string>>;

/** One metric's text: help, type, samples. */
export interface Family {
  text(): string;
}

/** A series' labels are known by a key that its owner makes; of more keys than this nothing is shown. */
const SERIES_MAX = 10_000;

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

function labelText(labels: Labels, more = ''): string {
  const parts = Object.keys(labels).map((name) => `${name}="${escaped(labels[name]!)}"`);
  if (more !== '') parts.push(more);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

const head = (name: string, help: string, type: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

export interface CounterSeries {
  readonly labels: Labels;
  value: number;
}

export class Counter implements Family {
  protected readonly type: 'counter' | 'gauge' = 'counter';
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, CounterSeries>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  add(key: string, labels: () => Labels, by = 1): void {
    this.series(key, labels).value += by;
  }

  /** For who counts often: kept by him, its key is looked up once. */
  series(key: string, labels: () => Labels): CounterSeries {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels: labels(), value: 0 };
      if (this.#series.size < SERIES_MAX) this.#series.set(key, series);
    }
    return series;
  }

  text(): string {
    if (this.#series.size === 0) return '';
    const lines = [...this.#series.values()].map(({ labels, value }) => `${this.#name}${labelText(labels)} ${value}\n`);
    return head(this.#name, this.#help, this.type) + lines.join('');
  }
}

/** Goes down too. */
export class Gauge extends Counter {
  protected override readonly type = 'gauge';
}

export class HistogramSeries {
  readonly labels: Labels;
  readonly counts: number[];
  readonly #bounds: readonly number[];
  sum = 0;

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.counts = Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += value;
  }
}

export class Histogram implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, HistogramSeries>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  observe(key: string, labels: () => Labels, value: number): void {
    this.series(key, labels).observe(value);
  }

  /** For who observes often: kept by him, its key is looked up once. */
  series(key: string, labels: () => Labels): HistogramSeries {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = new HistogramSeries(labels(), this.#bounds);
      if (this.#series.size < SERIES_MAX) this.#series.set(key, series);
    }
    return series;
  }

  text(): string {
    if (this.#series.size === 0) return '';
    const lines: string[] = [];
    for (const { labels, counts, sum } of this.#series.values()) {
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        lines.push(`${this.#name}_bucket${labelText(labels, `le="${this.#bounds[i] ?? '+Inf'}"`)} ${total}\n`);
      }
      lines.push(`${this.#name}_sum${labelText(labels)} ${sum}\n`, `${this.#name}_count${labelText(labels)} ${total}\n`);
    }
    return head(this.#name, this.#help, 'histogram') + lines.join('');
  }
}

/** A value, and the milliseconds since the epoch at which it was true when that is not now. */
export type SampleOf = readonly [labels: Labels, value: number, atMs?: number];

/** Read when somebody asks. */
export function sampled(name: string, help: string, type: 'gauge' | 'counter', read: () => Iterable<SampleOf>): Family {
  return {
    text() {
      const lines = [...read()].map(
        ([labels, value, atMs]) => `${name}${labelText(labels)} ${value}${atMs === undefined ? '' : ` ${atMs}`}\n`,
      );
      return lines.length === 0 ? '' : head(name, help, type) + lines.join('');
    },
  };
}
