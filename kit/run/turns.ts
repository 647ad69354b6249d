// One work at a time for each key; works on different keys do not wait for each other.

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Begins when all earlier works on the key have ended, however they did; ends as `work` does. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
