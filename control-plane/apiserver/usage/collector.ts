// Asks the agents for their counters when somebody wants to know, and keeps the samples that rates are counted from.
import type { Clock, Logger } from '../../../kit/run/index.ts';
import { type Backend, textFrom } from '../connect/index.ts';
import { type NodeUsage, type Sample, type Summary, usageBetween } from './rates.ts';

/** An answer this young is given again. */
const FRESH_MS = 2000;
/** Between the first two samples of a node. */
const FIRST_WINDOW_MS = 1000;
/** A base this old gives way to the latest sample. */
const WINDOW_MS = 15_000;
/** A sample this old says nothing of now. */
const STALE_MS = 60_000;
const AGENT_DEADLINE_MS = 5000;

interface Kept {
  base: Sample;
  latest: Sample;
}

export class UsageCollector {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By node; of nodes that are asked for only, so as many as the cluster has. */
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<string, Promise<NodeUsage | undefined>>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Forgets nodes that are no more. */
  retain(nodes: ReadonlySet<string>): void {
    for (const name of this.#kept.keys()) if (!nodes.has(name)) this.#kept.delete(name);
  }

  /** undefined when the agent does not answer. Several askers share one answer. */
  of(node: string, backend: Backend): Promise<NodeUsage | undefined> {
    let running = this.#running.get(node);
    if (running === undefined) {
      running = this.#measure(node, backend)
        .catch((error: unknown) => {
          this.#log.debug({ node, err: error }, 'no figures from the agent');
          return undefined;
        })
        .finally(() => this.#running.delete(node));
      this.#running.set(node, running);
    }
    return running;
  }

  async #measure(node: string, backend: Backend): Promise<NodeUsage> {
    let kept = this.#kept.get(node);
    if (kept && kept.latest !== kept.base && this.#clock.nowMs() - kept.latest.atMs < FRESH_MS) return usageBetween(kept.base, kept.latest);
    if (kept === undefined || this.#clock.nowMs() - kept.latest.atMs > STALE_MS) {
      const first = await this.#sample(backend);
      await this.#clock.sleep(FIRST_WINDOW_MS);
      kept = { base: first, latest: first };
    }
    const latest = await this.#sample(backend);
    const base = kept.latest.atMs - kept.base.atMs >= WINDOW_MS ? kept.latest : kept.base;
    this.#kept.set(node, { base, latest });
    return usageBetween(base, latest);
  }

  async #sample(backend: Backend): Promise<Sample> {
    const text = await textFrom(backend, '/stats/summary', AbortSignal.timeout(AGENT_DEADLINE_MS));
    return { atMs: this.#clock.nowMs(), summary: JSON.parse(text) as Summary };
  }
}
