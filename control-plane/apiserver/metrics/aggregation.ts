// Which groups and versions cannot be used now, and how often that happened.
import { Counter, type Family, sampled } from '../../../kit/metrics/index.ts';

export class AggregationMetrics {
  readonly #total = new Counter(
    'aggregator_unavailable_apiservice_total',
    'How often an APIService that was available was so no more, by its name and the reason.',
  );

  /** One that could be used a moment ago. */
  becameUnavailable(name: string, reason: string): void {
    this.#total.add(`${name}|${reason}`, () => ({ name, reason }));
  }

  /** `apiServices`: whether each is available now, by its name. */
  families(apiServices: () => Iterable<readonly [name: string, available: boolean]>): Family[] {
    return [
      sampled('aggregator_unavailable_apiservice', 'Whether an APIService is unavailable now (1) or not (0).', 'gauge', function* () {
        for (const [name, available] of apiServices()) yield [{ name }, available ? 0 : 1];
      }),
      this.#total,
    ];
  }
}
