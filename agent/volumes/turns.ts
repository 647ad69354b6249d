// Works on the same key one after the other; works on different keys do not wait for each other.
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Begins when all earlier works on the key have ended, however they did. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, done);
    const forget = () => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    };
    done.then(forget, forget);
    return done;
  }
}
