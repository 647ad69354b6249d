// A moment at which what is going on is cut off, unless it is over by then. For what happens many times a second: AbortSignal.timeout goes
// off also long after its work is done, makes an error each time, and a stream that is given a signal makes another.

export class Deadline implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #cut: (() => void) | undefined;
  #isOver = false;

  constructor(ms: number) {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#cut?.();
    }, ms);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** `cut` ends what is going on now; it takes the place of the one before. Called at once when it is too late already. */
  cuts(cut: () => void): void {
    this.#cut = cut;
    if (this.#isOver) cut();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#cut = undefined;
  }
}
