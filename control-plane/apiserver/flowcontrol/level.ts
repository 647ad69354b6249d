// One priority level at work: seats in use, who waits for one, and the seats that levels lend each other.
import type { Clock } from '../../../kit/run/index.ts';
import type { LevelConfig } from './config.ts';
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
  release(): void;
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
  executing = 0;
  readonly dispatched = new Map<string, number>();
  readonly refused = new Map<string, number>();

  constructor(config: LevelConfig, neighbours: Neighbours, clock: Clock) {
    this.config = config;
    this.#neighbours = neighbours;
    this.#clock = clock;
    this.#queues = config.queuing && new FairQueues(config.queuing);
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
    const wanted = Math.min(seats, Math.max(1, Math.floor(this.config.nominal * WIDE_PART)));
    const queues = this.#queues;
    if (queues === undefined) {
      if (!this.#fits(wanted) || !this.#wideFits(wanted)) throw this.#refuse(schema, 'concurrency-limit');
      return this.#begin(schema, wanted, undefined, undefined);
    }
    const queue = queues.choose(`${schema}\u0000${flow}`);
    if (queue === undefined) throw this.#refuse(schema, 'queue-full');
    const first = queues.next((one) => this.#wideFits(one.seats)) === undefined;
    if (first && this.#fits(wanted) && this.#wideFits(wanted)) return this.#begin(schema, wanted, queue, queues);
    return this.#wait(schema, wanted, queue, queues, signal());
  }

  pump(): void {
    const queues = this.#queues;
    const mayGo = (one: Waiting) => this.#wideFits(one.seats);
    for (let one = queues?.next(mayGo); one && this.#fits(one.seats); one = queues?.next(mayGo)) {
      queues!.remove(one);
      one.grant();
    }
  }

  #wait(schema: string, seats: number, queue: Queue, queues: FairQueues, signal: AbortSignal): Promise<Seat> {
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const refuse = (reason: RefusalReason) => {
        over.abort();
        signal.removeEventListener('abort', onAbort);
        queues.remove(one);
        reject(this.#refuse(schema, reason));
      };
      const one: Waiting = {
        seats,
        queue,
        since: this.#clock.nowMs(),
        refuse,
        grant: () => {
          over.abort();
          signal.removeEventListener('abort', onAbort);
          resolve(this.#begin(schema, seats, queue, queues));
        },
      };
      const onAbort = () => refuse('cancelled');
      signal.addEventListener('abort', onAbort, { once: true });
      queues.add(one);
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

  #begin(schema: string, seats: number, queue: Queue | undefined, queues: FairQueues | undefined): Seat {
    this.inUse += seats;
    if (seats > 1) this.#wideInUse += seats;
    this.executing++;
    this.dispatched.set(schema, (this.dispatched.get(schema) ?? 0) + 1);
    if (queue) queues!.began({ queue, seats });
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.inUse -= seats;
        if (seats > 1) this.#wideInUse -= seats;
        this.executing--;
        if (queue) queues!.ended({ queue, seats });
        this.pump();
        this.#neighbours.freed();
      },
    };
  }

  #refuse(schema: string, reason: RefusalReason): Refused {
    const key = `${schema}|${reason}`;
    this.refused.set(key, (this.refused.get(key) ?? 0) + 1);
    return new Refused(reason);
  }
}
