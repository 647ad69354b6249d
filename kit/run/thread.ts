// Work that would hold the event loop up, done by a thread that is started when there is some and ended when there was none for a while.
import { Worker } from 'node:worker_threads';

/** Why there is no answer: others wait already, it took more memory than the thread may have, or too long. */
export class ThreadError extends Error {
  readonly why: 'busy' | 'memory' | 'deadline';

  constructor(why: ThreadError['why']) {
    super(`thread: ${why}`);
    this.why = why;
  }
}

export interface ThreadOptions {
  /** Of JavaScript's heap. */
  memoryMb: number;
  deadlineMs: number;
  /** Who finds more texts before his own is refused. */
  waitingMax: number;
  idleMs: number;
}

interface Job {
  text: string;
  answer(text: string): void;
  /** No answer any more: the thread is in the middle of it, or has died of it. */
  fail(error: unknown): void;
}

/** The stack is as large as the main thread's: what nests too deep for the one does so for the other. */
const STACK_MB = 1;
/** As Node has it by default. The process's own option may be far less. */
const YOUNG_MB = 48;

/** One thread, which answers each message, a text, by another. Short texts go first. */
export class TextThread {
  readonly #file: URL;
  readonly #options: ThreadOptions;
  #worker: Worker | undefined;
  #running: Job | undefined;
  #waiting: Job[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor(file: URL, options: ThreadOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** @throws ThreadError, or the signal's reason when it aborts first; whatever the thread died of otherwise */
  ask(text: string, signal: AbortSignal): Promise<string> {
    if (this.#waiting.length >= this.#options.waitingMax) return Promise.reject(new ThreadError('busy'));
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#waiting = this.#waiting.filter((other) => other !== job);
        if (this.#running === job) this.#running = undefined;
      };
      const job: Job = {
        text,
        answer: (answer) => {
          leave();
          resolve(answer);
        },
        fail: (error) => {
          if (this.#running === job) this.#end();
          leave();
          reject(error);
          this.#next();
        },
      };
      const onAbort = () => job.fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const timer = setTimeout(() => job.fail(new ThreadError('deadline')), this.#options.deadlineMs);
      this.#waiting.push(job);
      this.#waiting.sort((a, b) => a.text.length - b.text.length);
      this.#next();
    });
  }

  #next(): void {
    if (this.#running) return;
    const job = this.#waiting.shift();
    clearTimeout(this.#idle);
    if (!job) {
      this.#idle = setTimeout(() => this.#end(), this.#options.idleMs).unref();
      return;
    }
    this.#running = job;
    this.#worker ??= this.#start();
    this.#worker.postMessage(job.text);
  }

  #start(): Worker {
    const worker = new Worker(this.#file, {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.#options.memoryMb, maxYoungGenerationSizeMb: YOUNG_MB, stackSizeMb: STACK_MB },
    });
    const died = (error: unknown): void => {
      if (worker !== this.#worker) return; // ended by us
      this.#worker = undefined;
      this.#running?.fail(error);
    };
    worker.on('message', (answer: string) => {
      if (worker !== this.#worker) return;
      this.#running?.answer(answer);
      this.#next();
    });
    worker.on('error', (error) =>
      died((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? new ThreadError('memory') : error),
    );
    worker.on('exit', (code) => died(new Error(`the thread ended with ${code}`)));
    worker.unref(); // who asks is kept alive by the deadline
    return worker;
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}
