// Long works of one process take turns: one slice a pass of the event loop, so that a short one between them never waits for more than one slice.

const waiting: (() => void)[] = [];
let running = false;

/** Resolves when the caller may do one more slice of its work. First come, first served. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!running) {
      running = true;
      setImmediate(pass);
    }
  });
}

/** A slice of long work takes so long at most, but for its last step. */
const SLICE_MS = 5;

/** The slices of one piece of long work: asks for the next turn when the present one has lasted. */
export class Slices {
  #steps = 0;
  #endsMs = performance.now() + SLICE_MS;

  /** Asked after each step: the clock is read now and then. */
  get over(): boolean {
    return (++this.#steps & 15) === 0 && performance.now() > this.#endsMs;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#endsMs = performance.now() + SLICE_MS;
  }
}

function pass(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(pass);
  else running = false;
}
