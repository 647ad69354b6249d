// Deadline, cancellation and the story so far in one value: first argument of functions that wait.

/** Names the operation path and carries its story; the cause is kept. */
export class OpError extends Error {
  readonly story: readonly string[];
  constructor(op: Op, cause: unknown) {
    super(`${op.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'OpError';
    this.story = op.story;
  }
}

export class Op {
  readonly story: string[] = [];
  readonly name: string;
  readonly signal: AbortSignal;
  constructor(name: string, signal: AbortSignal) {
    this.name = name;
    this.signal = signal;
  }
  note(line: string): void {
    this.story.push(line);
  }
  /** A part of this operation with a deadline of its own (milliseconds). */
  child(name: string, timeoutMs: number): Op {
    return new Op(`${this.name} > ${name}`, AbortSignal.any([this.signal, AbortSignal.timeout(timeoutMs)]));
  }
  async run<T>(work: (op: Op) => Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted();
      return await work(this);
    } catch (error) {
      throw error instanceof OpError ? error : new OpError(this, error);
    }
  }
}
