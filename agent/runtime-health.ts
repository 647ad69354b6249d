// Whether the container runtime answers and calls itself ready: other people's may be stopped, or lose their network, while the agent runs.
import { type Clock, type Logger, neverFails, repeat, type Service } from '../kit/run/index.ts';
import type { Cri, RuntimeCondition } from './cri/index.ts';

/** kubelet's period of updateRuntimeUp. */
const LOOK_EVERY_MS = 5_000;
/** kubelet's maxWaitForContainerRuntime: a runtime that is restarted within it is not told of. */
const PATIENCE_MS = 30_000;

export interface RuntimeHealthOptions {
  /** Asks a runtime in another process. */
  health: NonNullable<Cri['health']>;
  clock: Clock;
  log: Logger;
  /** What keeps the node from being Ready is another now. */
  changed(): void;
}

export class RuntimeHealth {
  readonly #options: RuntimeHealthOptions;
  /** It has just been asked: the agent does not start without it. */
  #answeredAtMs: number;
  #complaints: readonly string[] = [];
  #told = '';

  constructor(options: RuntimeHealthOptions) {
    this.#options = options;
    this.#answeredAtMs = options.clock.nowMs();
  }

  get service(): Service {
    const onError = (error: unknown) => this.#options.log.warn({ err: error }, 'Container runtime sanity check failed');
    return {
      name: 'runtime health',
      start: async () => {
        const timer = repeat(LOOK_EVERY_MS, () => this.look(), onError);
        return { failed: neverFails, stop: async () => timer.stop() };
      },
    };
  }

  /** What keeps the node from being Ready, in kubelet's words. */
  get notReady(): readonly string[] {
    const isDown = this.#options.clock.nowMs() - this.#answeredAtMs >= PATIENCE_MS;
    return [...(isDown ? ['container runtime is down'] : []), ...this.#complaints];
  }

  /** @throws the runtime's error when it does not answer */
  async look(): Promise<void> {
    try {
      const complaints = complaintsOf(await this.#options.health());
      this.#complaints = complaints;
      // One that is not ready itself counts as silent, as for kubelet.
      if (!complaints.some((text) => text.startsWith(RUNTIME))) this.#answeredAtMs = this.#options.clock.nowMs();
    } finally {
      const told = this.notReady.join();
      if (told !== this.#told) this.#options.changed();
      this.#told = told;
    }
  }
}

const RUNTIME = 'container runtime not ready';
const NETWORK = 'container runtime network not ready';

function complaintsOf(conditions: readonly RuntimeCondition[]): string[] {
  const of = (type: string, text: string) => {
    const condition = conditions.find((one) => one.type === type);
    return condition?.status ? [] : [`${text}: ${condition ? shown(condition) : '<nil>'}`];
  };
  return [...of('RuntimeReady', RUNTIME), ...of('NetworkReady', NETWORK)];
}

const shown = ({ type, reason = '', message = '' }: RuntimeCondition): string => `${type}=false reason:${reason} message:${message}`;
