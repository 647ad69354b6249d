// Figures of a run: percentiles, rates, one JSON line each on stdout.
import { cpus } from 'node:os';

export interface Figure {
  bench: string;
  what: string;
  unit: 'ms' | 's' | '1/s' | 'MB' | 'MB/s' | '%' | 'x';
  value: number;
  /** Spread over the runs or samples. */
  min?: number;
  max?: number;
  samples?: number;
}

export const machine = (): string => `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;

const round = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

export function report(figure: Figure): void {
  const rounded = Object.fromEntries(Object.entries(figure).map(([k, v]) => [k, typeof v === 'number' && k !== 'samples' ? round(v) : v]));
  process.stdout.write(`${JSON.stringify({ date: new Date().toISOString().slice(0, 10), ...rounded })}\n`);
}

/** The p-th percentile (0 to 100) of the samples; nearest rank. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function reportSamples(bench: string, what: string, samples: readonly number[]): void {
  for (const p of [50, 99]) {
    report({
      bench,
      what: `${what} p${p}`,
      unit: 'ms',
      value: percentile(samples, p),
      min: Math.min(...samples),
      max: Math.max(...samples),
      samples: samples.length,
    });
  }
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Calls `work(i)` for i in 0..count-1 from `workers` loops at once; returns calls a second. */
export async function rate(count: number, workers: number, work: (i: number, worker: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const ms = await timed(() =>
    Promise.all(
      Array.from({ length: workers }, async (_, worker) => {
        for (let i = next++; i < count; i = next++) await work(i, worker);
      }),
    ),
  );
  return (count / ms) * 1000;
}
