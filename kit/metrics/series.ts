// Counters, histograms and values of the moment, as Prometheus' text. Counting is a look-up by one string: label values are joined once.

export type Labels = Readonly<Record<string, string>>;

/** One metric's text: help, type, samples. */
export interface Family {
  text(): string;
}

/** A series' labels are known by a key that its owner makes; more keys than this share one series without labels. */
const SERIES_MAX = 10_000;

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

function labelText(labels: Labels, more = ''): string {
  const parts = Object.keys(labels).map((name) => `${name}="${escaped(labels[name]!)}"`);
  if (more !== '') parts.push(more);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

const head = (name: string, help: string, type: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

export class Counter implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, { labels: Labels; value: number }>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  add(key: string, labels: () => Labels, by = 1): void {
    const series = this.#series.get(key);
    if (series) series.value += by;
    else if (this.#series.size < SERIES_MAX) this.#series.set(key, { labels: labels(), value: by });
  }

  text(): string {
    if (this.#series.size === 0) return '';
    const lines = [...this.#series.values()].map(({ labels, value }) => `${this.#name}${labelText(labels)} ${value}\n`);
    return head(this.#name, this.#help, 'counter') + lines.join('');
  }
}

export class Histogram implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number }>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  observe(key: string, labels: () => Labels, value: number): void {
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_MAX) return;
      this.#series.set(key, (series = { labels: labels(), counts: Array(this.#bounds.length + 1).fill(0), sum: 0 }));
    }
    let at = 0;
    while (at < this.#bounds.length && value > this.#bounds[at]!) at++;
    series.counts[at]!++;
    series.sum += value;
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
