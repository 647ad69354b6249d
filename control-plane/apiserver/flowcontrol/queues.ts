// The fair queues of one priority level: shuffle sharding keeps one flow's flood away from most others, start-time fair queuing takes turns.
import { createHash } from 'node:crypto';

/** Somebody who waits for seats. */
export interface Waiting {
  readonly seats: number;
  readonly queue: Queue;
  readonly since: number;
  grant(): void;
  refuse(reason: RefusalReason): void;
}

export type RefusalReason = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

export interface Queue {
  readonly index: number;
  readonly waiting: Waiting[];
  seatsWaiting: number;
  seatsInUse: number;
  /** Service that it had, in seats; a queue that was idle starts at what the busy ones have. */
  served: number;
}

export class FairQueues {
  readonly #queues: Queue[];
  readonly #handSize: number;
  readonly #lengthMax: number;
  readonly #hands = new Map<string, readonly number[]>();
  /** `served` of the queue that was last taken from. */
  #now = 0;
  length = 0;

  constructor({ queues, handSize, lengthMax }: { queues: number; handSize: number; lengthMax: number }) {
    this.#queues = Array.from({ length: queues }, (_, index) => ({ index, waiting: [], seatsWaiting: 0, seatsInUse: 0, served: 0 }));
    this.#handSize = handSize;
    this.#lengthMax = lengthMax;
  }

  /** The least burdened queue of the flow's hand; undefined when even that one is full. */
  choose(flow: string): Queue | undefined {
    const burden = (queue: Queue) => queue.seatsWaiting + queue.seatsInUse;
    const hand = this.#hand(flow).map((index) => this.#queues[index]!);
    const best = hand.reduce((a, b) => (burden(b) < burden(a) ? b : a));
    return best.waiting.length >= this.#lengthMax ? undefined : best;
  }

  add(one: Waiting): void {
    const { queue } = one;
    if (queue.waiting.length === 0 && queue.seatsInUse === 0) queue.served = Math.max(queue.served, this.#now);
    queue.waiting.push(one);
    queue.seatsWaiting += one.seats;
    this.length++;
  }

  remove(one: Waiting): void {
    const at = one.queue.waiting.indexOf(one);
    if (at < 0) return;
    one.queue.waiting.splice(at, 1);
    one.queue.seatsWaiting -= one.seats;
    this.length--;
  }

  /** Who is next of those that may go: the first of the queue that had least. Stays in the queue until removed. */
  next(mayGo: (one: Waiting) => boolean): Waiting | undefined {
    if (this.length === 0) return undefined;
    let best: { one: Waiting; served: number } | undefined;
    for (const { waiting, served } of this.#queues) {
      if (waiting.length === 0 || (best !== undefined && served >= best.served)) continue;
      const one = waiting.find(mayGo);
      if (one) best = { one, served };
    }
    return best?.one;
  }

  began({ queue, seats }: Pick<Waiting, 'queue' | 'seats'>): void {
    this.#now = Math.max(this.#now, queue.served);
    queue.served = Math.max(queue.served, this.#now) + seats;
    queue.seatsInUse += seats;
  }

  ended({ queue, seats }: Pick<Waiting, 'queue' | 'seats'>): void {
    queue.seatsInUse -= seats;
  }

  #hand(flow: string): readonly number[] {
    let hand = this.#hands.get(flow);
    if (hand === undefined) {
      if (this.#hands.size >= 1024) this.#hands.clear();
      this.#hands.set(flow, (hand = deal(flow, this.#queues.length, this.#handSize)));
    }
    return hand;
  }
}

/** `handSize` different queues of `queues`, always the same for a flow: two flows seldom share all of theirs. */
export function deal(flow: string, queues: number, handSize: number): number[] {
  const deck = Array.from({ length: queues }, (_, index) => index);
  const hash = createHash('sha512').update(flow).digest();
  const hand: number[] = [];
  for (let i = 0; i < handSize; i++) hand.push(...deck.splice(hash.readUInt32LE((i * 4) % 60) % deck.length, 1));
  return hand;
}
