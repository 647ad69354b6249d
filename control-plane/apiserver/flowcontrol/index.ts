// Entry of control-plane/apiserver/flowcontrol: API priority and fairness. Each request finds its flow, takes seats, or waits its turn.
import { type KubeObject, tooManyRequests } from '../../../api/meta/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import type { ApiRequest, ApiResponse, RequestInfo, Stage, UserInfo } from '../request.ts';
import { Termination } from '../termination.ts';
import { type FlowConfig, flowConfig, type Schema } from './config.ts';
import { Level, type Neighbours, Refused, type Seat } from './level.ts';
import { seatsOf } from './seats.ts';

export { nextTurn, Slices } from './turns.ts';

export interface FairnessOptions {
  /** Seats of the whole server: upstream's --max-requests-inflight plus --max-mutating-requests-inflight (400 + 200). */
  seats: number;
  /** The objects as they are now. `version` changes with them. */
  schemas(): readonly KubeObject[];
  levels(): readonly KubeObject[];
  version(): number;
  /** How many objects of a resource are stored. */
  stored(info: RequestInfo): number;
  clock: Clock;
}

/** Connections that live on: they are no work of the server's. A watch takes a seat until it has begun. */
const LONG_RUNNING = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

export class Fairness {
  readonly #options: FairnessOptions;
  readonly #levels = new Map<string, Level>();
  readonly #neighbours: Neighbours;
  #config: FlowConfig | undefined;
  #version = -1;
  readonly stage: Stage;

  constructor(options: FairnessOptions) {
    this.#options = options;
    this.#neighbours = {
      spare: (asking) => {
        let lent = 0;
        let lends = 0;
        for (const level of this.#levels.values()) {
          lent += level.borrowed;
          if (level !== asking) lends += level.lends;
        }
        return lends - lent;
      },
      freed: () => {
        for (const level of this.#levels.values()) if (level.waiting > 0) level.pump();
      },
    };
    this.stage = { name: 'fairness', handle: (request, next) => this.#handle(request, next) };
  }

  get levels(): Iterable<Level> {
    this.#refresh();
    return this.#levels.values();
  }

  /** Every request has a flow: the last schema takes all who are authenticated or not. */
  classify(info: RequestInfo, user: UserInfo): { schema: Schema; level: Level } {
    const { schemas } = this.#refresh();
    const schema = schemas.find((one) => one.matches(info, user)) ?? schemas.at(-1)!;
    return { schema, level: this.#levels.get(schema.level)! };
  }

  async #handle(request: ApiRequest, next: (request: ApiRequest) => Promise<ApiResponse>): Promise<ApiResponse> {
    const { info } = request;
    if (LONG_RUNNING.has(info.subresource)) return next(request);
    const user = request.user!;
    const { schema, level } = this.classify(info, user);
    request.flow = { schemaUid: schema.uid, levelUid: level.config.uid };
    if (level.config.exempt) return next(request);
    const seats = seatsOf(info, request.query, () => this.#options.stored(info));
    const seat = await seatOf(() => level.take(schema.name, schema.flowOf(info, user), seats, () => request.signal));
    return hold(seat, request, next);
  }

  #refresh(): FlowConfig {
    const version = this.#options.version();
    if (this.#config && version === this.#version) return this.#config;
    this.#version = version;
    const config = flowConfig(this.#options.schemas(), this.#options.levels(), this.#options.seats);
    this.#config = config;
    for (const [name, level] of this.#levels) {
      if (config.levels.has(name)) continue;
      this.#levels.delete(name);
      level.configure({ ...level.config, nominal: Number.POSITIVE_INFINITY }); // those who wait go on
    }
    for (const [name, one] of config.levels) {
      const level = this.#levels.get(name);
      if (level) level.configure(one);
      else this.#levels.set(name, new Level(one, this.#neighbours, this.#options.clock));
    }
    return config;
  }
}

async function seatOf(take: () => Seat | Promise<Seat>): Promise<Seat> {
  try {
    return await take();
  } catch (error) {
    if (error instanceof Refused) throw new Termination(tooManyRequests('Too many requests, please try again later.'));
    throw error;
  }
}

/** A list keeps its seats until it was sent; anything else until it was worked out. */
async function hold(seat: Seat, request: ApiRequest, next: (request: ApiRequest) => Promise<ApiResponse>): Promise<ApiResponse> {
  const sent = request.info.verb === 'list' ? request.onSent : undefined;
  sent?.push(() => seat.release());
  try {
    return await next(request);
  } finally {
    if (!sent) seat.release();
  }
}
