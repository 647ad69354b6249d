// Tells when containers end. conmon says it at once through the exit file; of those whose conmon was killed the kernel knows.
import { watch } from 'node:fs';
import { ProcessWatch } from '../../kit/linux/index.ts';
import { repeat } from '../../kit/run/index.ts';
import type { ContainerFiles } from './container-files.ts';

/** One system call looks after all that run; the files are read of those alone whose process has ended. */
const LOST_CHECK_MS = 2_000;

export class Ends {
  readonly #files: ContainerFiles;
  readonly #listeners: ((id: string) => void)[] = [];
  /** Containers whose end was not told yet. */
  readonly #watched = new Set<string>();
  readonly #processes = new ProcessWatch();
  readonly #stop: () => void;

  constructor(files: ContainerFiles, onError: (error: unknown) => void) {
    this.#files = files;
    const watcher = watch(files.exits, (_event, name) => this.#tell(name ? [name] : this.#watched));
    const lost = repeat(LOST_CHECK_MS, () => this.#tell(this.#processes.ended()), onError);
    this.#stop = () => {
      watcher.close();
      lost.stop();
      this.#processes.close();
    };
  }

  close(): void {
    this.#stop();
  }

  onEnd(listener: (id: string) => void): void {
    this.#listeners.push(listener);
  }

  /** From the moment on that its process is written down. */
  watch(id: string): void {
    this.#watched.add(id);
    this.#processes.add(id, this.#files.process(id)?.pid ?? 0);
    if (!this.#files.isRunning(id)) this.#processes.add(id, 0); // its pid may be another's by now
  }

  forget(id: string): void {
    this.#watched.delete(id);
    this.#processes.delete(id);
  }

  #tell(ids: Iterable<string>): void {
    for (const id of ids) {
      if (!this.#watched.has(id)) continue;
      const { status } = this.#files.state(id);
      if (status === 'created' || status === 'running') continue; // conmon is about to write what it ended with
      this.forget(id);
      for (const listener of this.#listeners) listener(id);
    }
  }
}
