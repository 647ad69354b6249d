// What the requests of each flow schema do at a priority level: figures of the moment, and how long they waited and worked.
import { type Family, Histogram, type HistogramSeries, type Labels, sampled } from '../../../kit/metrics/index.ts';
import type { LevelConfig } from './config.ts';
import type { RefusalReason } from './queues.ts';

/** Upstream's own bounds, all four. */
const SECONDS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const LENGTHS = [0, 10, 25, 50, 100, 250, 500, 1000];
const SEATS = [1, 2, 4, 8, 16, 32, 64, 100];

const name = (what: string): string => `apiserver_flowcontrol_${what}`;

/** Of one flow schema at one level. */
export class Figures {
  dispatched = 0;
  executing = 0;
  seats = 0;
  waiting = 0;
  waitingSeats = 0;
  readonly refused = new Map<RefusalReason, number>();
  readonly #metrics: FlowMetrics;
  readonly #labels: Labels;
  readonly #key: string;
  /** Found once: every request is observed. */
  readonly #worked: HistogramSeries;
  readonly #watchBegan: HistogramSeries;
  readonly #estimated: HistogramSeries;

  constructor(metrics: FlowMetrics, level: string, schema: string) {
    this.#metrics = metrics;
    this.#labels = { flow_schema: schema, priority_level: level };
    this.#key = `${level}|${schema}`;
    this.#worked = metrics.executions.series(`${this.#key}|regular`, () => ({ ...this.#labels, type: 'regular' }));
    this.#watchBegan = metrics.executions.series(`${this.#key}|watch`, () => ({ ...this.#labels, type: 'watch' }));
    this.#estimated = metrics.estimates.series(this.#key, () => this.#labels);
  }

  get labels(): Labels {
    return this.#labels;
  }

  /** Somebody asks for so many seats. */
  asked(seats: number): void {
    this.#estimated.observe(seats);
  }

  begin(seats: number): void {
    this.dispatched++;
    this.executing++;
    this.seats += seats;
  }

  /** `isWatch`: it goes on without its seats. */
  end(seats: number, seconds: number, isWatch: boolean): void {
    this.executing--;
    this.seats -= seats;
    (isWatch ? this.#watchBegan : this.#worked).observe(seconds);
  }

  /** `length`: of the queue with it. */
  wait(seats: number, length: number): void {
    this.waiting++;
    this.waitingSeats += seats;
    this.#metrics.lengths.observe(this.#key, () => this.#labels, length);
  }

  /** `executed`: it was its turn; else it was refused. */
  waited(seats: number, seconds: number, executed: boolean): void {
    this.waiting--;
    this.waitingSeats -= seats;
    const execute = String(executed);
    this.#metrics.waits.observe(`${this.#key}|${execute}`, () => ({ ...this.#labels, execute }), seconds);
  }

  refuse(reason: RefusalReason): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }
}

/** What the metrics look at of a level. */
interface Watched {
  readonly config: LevelConfig;
  readonly borrowed: number;
  readonly figures: ReadonlyMap<string, Figures>;
}

export class FlowMetrics {
  readonly waits = new Histogram(name('request_wait_duration_seconds'), 'Time in seconds that requests waited in a queue.', SECONDS);
  readonly executions = new Histogram(
    name('request_execution_seconds'),
    'Time in seconds that requests took from their turn on; of a watch, until it began.',
    SECONDS,
  );
  readonly estimates = new Histogram(name('work_estimated_seats'), 'Seats that requests were thought to need.', SEATS);
  readonly lengths = new Histogram(
    name('request_queue_length_after_enqueue'),
    'Requests in a queue, counted when one more has joined it.',
    LENGTHS,
  );

  families(levels: () => Iterable<Watched>): Family[] {
    const ofLevels = (what: string, help: string, value: (level: Watched) => number) =>
      sampled(name(what), help, 'gauge', function* () {
        for (const level of levels()) yield [{ priority_level: level.config.name }, value(level)];
      });
    const ofSchemas = (what: string, help: string, value: (figures: Figures) => number, type: 'gauge' | 'counter' = 'gauge') =>
      sampled(name(what), help, type, function* () {
        for (const { figures } of levels()) for (const one of figures.values()) yield [one.labels, value(one)];
      });
    return [
      ofLevels('nominal_limit_seats', 'Seats that the configuration gives each priority level.', ({ config }) => config.nominal),
      ofLevels('lower_limit_seats', 'Seats that a priority level never lends.', ({ config }) => config.nominal - config.lendable),
      ofLevels(
        'upper_limit_seats',
        'Seats that a priority level has at most, with those it borrows.',
        ({ config }) => config.nominal + config.borrowing,
      ),
      ofLevels(
        'current_limit_seats',
        'Seats that a priority level has now, with those it borrows.',
        ({ config, borrowed }) => config.nominal + borrowed,
      ),
      ofSchemas('current_executing_seats', 'Seats that are taken now.', ({ seats }) => seats),
      ofSchemas(
        'current_executing_requests',
        'Requests that are worked on now; of watches, those that have not begun.',
        ({ executing }) => executing,
      ),
      ofSchemas('current_inqueue_requests', 'Requests that wait in queues now.', ({ waiting }) => waiting),
      ofSchemas('current_inqueue_seats', 'Seats that are waited for in queues now.', ({ waitingSeats }) => waitingSeats),
      ofSchemas('dispatched_requests_total', 'Requests that had their turn.', ({ dispatched }) => dispatched, 'counter'),
      sampled(name('rejected_requests_total'), 'Requests that were refused, and why.', 'counter', function* () {
        for (const { figures } of levels())
          for (const { labels, refused } of figures.values()) for (const [reason, count] of refused) yield [{ ...labels, reason }, count];
      }),
      this.waits,
      this.executions,
      this.estimates,
      this.lengths,
    ];
  }
}
