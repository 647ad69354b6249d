// One priority level at work: seats in use, who waits for one, and the seats that levels lend each other.
import type { Clock } from '../../../kit/run/index.ts';
import type { LevelConfig } from './config.ts';
import { Figures, type FlowMetrics } from './figures.ts';
import { FairQueues, type Queue, type RefusalReason, type Waiting } from './queues.ts';

/**
 * Requests of several seats get at most this part of a level's: long work on one thread keeps its seats for seconds,
 * and a get must find one at once however many lists are under way.
 */
const WIDE_PART = 0.75;
/** A quarter of the request's own time, as upstream has it. */
const WAIT_MS = 15_000;

export class Refused extends Error {
  readonly reason: RefusalReason;
  constructor(reason: RefusalReason) {
    super(`no seat: ${reason}`);
    this.reason = reason;
  }
}

export interface Seat {
  /** `isWatch`: the request goes on, it has only begun. */
  release(isWatch?: boolean): void;
}

const anyone = () => true;

/** All levels of the server: what they may borrow from each other. */
export interface Neighbours {
  /** Seats that others lend now, beyond what is lent already. */
  spare(asking: Level): number;
  /** Seats came free: others may take them. */
  freed(): void;
}

export class Level {
  config: LevelConfig;
  readonly #neighbours: Neighbours;
  readonly #clock: Clock;
  #queues: FairQueues | undefined;
  inUse = 0;
  /** Of these: by requests of several seats. */
  #wideInUse = 0;
  readonly #metrics: FlowMetrics;
  readonly #figures = new Map<string, Figures>();

  constructor(config: LevelConfig, neighbours: Neighbours, clock: Clock, metrics: FlowMetrics) {
    this.config = config;
    this.#neighbours = neighbours;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#queues = config.queuing && new FairQueues(config.queuing);
  }

  /** By flow schema. */
  get figures(): ReadonlyMap<string, Figures> {
    return this.#figures;
  }

  /** Schemas that are gone have no figures any more. */
  keepFigures(schemas: ReadonlySet<string>): void {
    for (const schema of this.#figures.keys()) if (!schemas.has(schema)) this.#figures.delete(schema);
  }

  get waiting(): number {
    return this.#queues?.length ?? 0;
  }

  get borrowed(): number {
    return Math.max(0, this.inUse - this.config.nominal);
  }

  /** Others may use these now. */
  get lends(): number {
    return Math.max(0, Math.min(this.config.lendable, this.config.nominal - this.inUse));
  }

  /** New numbers for the same level; queues that changed their shape begin anew, those in the old ones are served first. */
  configure(config: LevelConfig): void {
    const same = JSON.stringify(config.queuing) === JSON.stringify(this.config.queuing);
    this.config = config;
    if (!same) {
      const old = this.#queues;
      this.#queues = config.queuing && new FairQueues(config.queuing);
      for (let one = old?.next(anyone); one; one = old?.next(anyone)) {
        old!.remove(one);
        one.refuse('concurrency-limit');
      }
    }
    this.pump();
  }

  /** A seat at once, or a promise of one. @throws Refused (also from the promise) */
  take(schema: string, flow: string, seats: number, signal: () => AbortSignal): Seat | Promise<Seat> {
    const figures = this.#figuresOf(schema);
    figures.asked(seats);
    const wanted = Math.min(seats, Math.max(1, Math.floor(this.config.nominal * WIDE_PART)));
    const queues = this.#queues;
    if (queues === undefined) {
      if (!this.#fits(wanted) || !this.#wideFits(wanted)) throw refused(figures, 'concurrency-limit');
      return this.#begin(figures, wanted, undefined, undefined);
    }
    const queue = queues.choose(`${schema}\u0000${flow}`);
    if (queue === undefined) throw refused(figures, 'queue-full');
    const first = queues.next((one) => this.#wideFits(one.seats)) === undefined;
    if (first && this.#fits(wanted) && this.#wideFits(wanted)) return this.#begin(figures, wanted, queue, queues);
    return this.#wait(figures, wanted, queue, queues, signal());
  }

  /** Of an exempt level: counted, never held up. */
  pass(schema: string, seats: number): Seat {
    const figures = this.#figuresOf(schema);
    figures.asked(seats);
    figures.begin(seats);
    return seatOf(figures, seats, () => {});
  }

  pump(): void {
    const queues = this.#queues;
    const mayGo = (one: Waiting) => this.#wideFits(one.seats);
    for (let one = queues?.next(mayGo); one && this.#fits(one.seats); one = queues?.next(mayGo)) {
      queues!.remove(one);
      one.grant();
    }
  }

  #wait(figures: Figures, seats: number, queue: Queue, queues: FairQueues, signal: AbortSignal): Promise<Seat> {
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const started = performance.now();
      const waited = (executed: boolean) => figures.waited(seats, (performance.now() - started) / 1000, executed);
      const refuse = (reason: RefusalReason) => {
        over.abort();
        signal.removeEventListener('abort', onAbort);
        queues.remove(one);
        waited(false);
        reject(refused(figures, reason));
      };
      const one: Waiting = {
        seats,
        queue,
        since: this.#clock.nowMs(),
        refuse,
        grant: () => {
          over.abort();
          signal.removeEventListener('abort', onAbort);
          waited(true);
          resolve(this.#begin(figures, seats, queue, queues));
        },
      };
      const onAbort = () => refuse('cancelled');
      signal.addEventListener('abort', onAbort, { once: true });
      queues.add(one);
      figures.wait(seats, queue.waiting.length);
      this.#clock.sleep(WAIT_MS, over.signal).then(
        () => refuse('time-out'),
        () => {},
      );
    });
  }

  #wideFits(seats: number): boolean {
    return seats === 1 || this.#wideInUse === 0 || this.#wideInUse + seats <= this.config.nominal * WIDE_PART;
  }

  #fits(seats: number): boolean {
    const { nominal, borrowing } = this.config;
    if (this.inUse === 0) return true;
    const after = this.inUse + seats;
    if (after <= nominal) return true;
    return after <= nominal + borrowing && after - Math.max(nominal, this.inUse) <= this.#neighbours.spare(this);
  }

  #figuresOf(schema: string): Figures {
    let figures = this.#figures.get(schema);
    if (figures === undefined) this.#figures.set(schema, (figures = new Figures(this.#metrics, this.config.name, schema)));
    return figures;
  }

  #begin(figures: Figures, seats: number, queue: Queue | undefined, queues: FairQueues | undefined): Seat {
    this.inUse += seats;
    if (seats > 1) this.#wideInUse += seats;
    figures.begin(seats);
    if (queue) queues!.began({ queue, seats });
    return seatOf(figures, seats, () => {
      this.inUse -= seats;
      if (seats > 1) this.#wideInUse -= seats;
      if (queue) queues!.ended({ queue, seats });
      this.pump();
      this.#neighbours.freed();
    });
  }
}

/** Seats that are given back once, however often. */
function seatOf(figures: Figures, seats: number, free: () => void): Seat {
  const started = performance.now();
  let held = true;
  return {
    release(isWatch = false) {
      if (!held) return;
      held = false;
      figures.end(seats, (performance.now() - started) / 1000, isWatch);
      free();
    },
  };
}

function refused(figures: Figures, reason: RefusalReason): Refused {
  figures.refuse(reason);
  return new Refused(reason);
}
