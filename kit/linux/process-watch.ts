// Which of many processes have ended, asked with one system call for all of them.
import { closeSync } from 'node:fs';
import { openProcess, readableOf } from './syscalls.ts';

/**
 * Names processes by keys of the caller's. A descriptor of a process (pidfd_open(2)) belongs to that one for ever, whoever gets its pid
 * later: who adds one by a pid that was written down must look afterwards whether it was still the same.
 */
export class ProcessWatch {
  readonly #descriptors = new Map<string, number>();
  /** Ended, or not to be watched: no such process, no more descriptors, a kernel before 5.3. */
  readonly #uncertain = new Set<string>();

  add(key: string, pid: number): void {
    this.delete(key);
    const descriptor = openProcess(pid);
    if (descriptor === undefined) this.#uncertain.add(key);
    else this.#descriptors.set(key, descriptor);
  }

  delete(key: string): void {
    const descriptor = this.#descriptors.get(key);
    if (descriptor !== undefined) closeSync(descriptor);
    this.#descriptors.delete(key);
    this.#uncertain.delete(key);
  }

  /** Until they are deleted: those that have ended, and those of which it is not known. The others run. */
  ended(): string[] {
    const keys = [...this.#descriptors.keys()];
    const ended = readableOf([...this.#descriptors.values()]);
    for (const [index, key] of keys.entries()) {
      if (!ended.has(index)) continue;
      this.delete(key);
      this.#uncertain.add(key);
    }
    return [...this.#uncertain];
  }

  close(): void {
    for (const key of [...this.#descriptors.keys()]) this.delete(key);
  }
}
