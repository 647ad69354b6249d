// Named steps of long operations: what a story records with its times, and where a test may kill the process.
// Whoever runs an operation keeps a Story of it; code below names its steps without knowing whether anybody listens.
import { AsyncLocalStorage } from 'node:async_hooks';

/** One step, in milliseconds since the story began. */
export interface StoryStep {
  name: string;
  beginMs: number;
  endMs: number;
}

/** More steps than this are not kept: a story may go on for as long as its operation is retried. */
const STEPS_MAX = 64;

export class Story {
  readonly #begunMs = performance.now();
  readonly begunAtMs = performance.timeOrigin + this.#begunMs;
  readonly steps: StoryStep[] = [];

  /** Milliseconds since it began. */
  get ageMs(): number {
    return performance.now() - this.#begunMs;
  }
  add(step: StoryStep): void {
    if (this.steps.length < STEPS_MAX) this.steps.push(step);
  }
}

const listening = new AsyncLocalStorage<Story | undefined>();

/** Steps of `work`, also of what it leaves running, belong to the story from here on; undefined: to none. */
export const tell = <T>(story: Story | undefined, work: () => T): T => listening.run(story, work);

/** Runs `work` as a step of the present story. It is over when `work`, or the promise that it returns, is. */
export function step<T>(name: string, work: () => T): T {
  const story = listening.getStore();
  const beginMs = story?.ageMs ?? 0;
  const over = () => {
    story?.add({ name, beginMs, endMs: story.ageMs });
    dieIfAsked(name);
  };
  const result = work();
  if (result instanceof Promise) return result.then((value: unknown) => (over(), value)) as T;
  over();
  return result;
}

/** `STEP` or `STEP N`: this process kills itself as by kill -9 when that step is over for the N-th time. Only tests of crash safety set it. */
const [, fatalStep, nth = '1'] = /^(.*?)(?: (\d+))?$/.exec(process.env['WHERRY_CRASH_AFTER'] ?? '') ?? [];
let left = Number(nth);

function dieIfAsked(name: string): void {
  if (name === fatalStep && --left === 0) process.kill(process.pid, 'SIGKILL');
}
