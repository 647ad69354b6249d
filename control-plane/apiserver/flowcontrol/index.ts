// Entry of control-plane/apiserver/flowcontrol: API priority and fairness. Each request finds its flow, takes seats, or waits its turn.
import { type KubeObject, tooManyRequests } from '../../../api/meta/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import { type ApiRequest, type ApiResponse, addWaited, type RequestInfo, type Stage, type UserInfo } from '../request.ts';
import { Termination } from '../termination.ts';
import { type FlowConfig, flowConfig, type Schema } from './config.ts';
import { FlowMetrics } from './figures.ts';
import { Level, type Neighbours, Refused, type Seat } from './level.ts';
import { seatsOf } from './seats.ts';

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
  readonly metrics = new FlowMetrics();
  /** Requests that wait in queues now: upstream's two kinds. */
  readonly waiting = { mutating: 0, readOnly: 0 };

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
    const seats = seatsOf(info, request.query, () => this.#options.stored(info));
    if (level.config.exempt) return hold(level.pass(schema.name, seats), request, next);
    return hold(
      await this.#seat(request, () => level.take(schema.name, schema.flowOf(info, user), seats, () => request.signal)),
      request,
      next,
    );
  }

  async #seat(request: ApiRequest, take: () => Seat | Promise<Seat>): Promise<Seat> {
    try {
      const seat = take();
      return seat instanceof Promise ? await this.#waitFor(seat, request) : seat;
    } catch (error) {
      if (error instanceof Refused) throw new Termination(tooManyRequests('Too many requests, please try again later.'));
      throw error;
    }
  }

  async #waitFor(seat: Promise<Seat>, request: ApiRequest): Promise<Seat> {
    const kind = request.method === 'GET' || request.method === 'HEAD' ? 'readOnly' : 'mutating';
    const started = performance.now();
    this.waiting[kind]++;
    try {
      return await seat;
    } finally {
      this.waiting[kind]--;
      addWaited(request, (performance.now() - started) / 1000);
    }
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
      else this.#levels.set(name, new Level(one, this.#neighbours, this.#options.clock, this.metrics));
    }
    const names = new Set(config.schemas.map((schema) => schema.name));
    for (const level of this.#levels.values()) level.keepFigures(names);
    return config;
  }
}

/** A list keeps its seats until it was sent; anything else until it was worked out. */
async function hold(seat: Seat, request: ApiRequest, next: (request: ApiRequest) => Promise<ApiResponse>): Promise<ApiResponse> {
  const sent = request.info.verb === 'list' ? request.onSent : undefined;
  sent?.push(() => seat.release());
  try {
    return await next(request);
  } finally {
    if (!sent) seat.release(request.info.verb === 'watch');
  }
}
