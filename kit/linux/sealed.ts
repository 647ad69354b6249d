// A program as a sealed copy in memory, memfd_create(2): nobody can write to it, not even a container that has it open.
import { closeSync, readFileSync, statSync, writeSync } from 'node:fs';
import { sealedMemory } from './syscalls.ts';

export class SealedProgram {
  readonly #file: string;
  #copy: { fd: number; version: string } | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * What to execute: the copy, while this process lives; made again when the file has changed. The file itself where copies cannot be
   * made or executed.
   */
  path(): string {
    const { dev, ino, size, mtimeMs } = statSync(this.#file);
    const version = [dev, ino, size, mtimeMs].join(' ');
    if (this.#copy?.version !== version) this.#renew(version);
    return this.#copy ? `/proc/${process.pid}/fd/${this.#copy.fd}` : this.#file;
  }

  #renew(version: string): void {
    this.close();
    const fd = sealedMemory(this.#file, (memory) => {
      const bytes = readFileSync(this.#file);
      for (let at = 0; at < bytes.length; ) at += writeSync(memory, bytes, at);
    });
    if (fd !== undefined) this.#copy = { fd, version };
  }

  close(): void {
    if (this.#copy) closeSync(this.#copy.fd);
    this.#copy = undefined;
  }
}
