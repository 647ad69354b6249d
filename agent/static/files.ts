// The folder of static pods, read at once and again whenever something in it changes.
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { type Logger, repeat } from '../../kit/run/index.ts';
import { podOfFile } from './pod-of-file.ts';

/** What inotify does not tell (a folder that is made later, a network file system). */
const LOOK_AGAIN_MS = 20_000;
const BYTES_MAX = 10 * 1024 * 1024;

export interface StaticFilesOptions {
  folder: string;
  nodeName: string;
  log: Logger;
  /** All pods of the folder, by uid; called with the first look and after each change. */
  onPods(pods: ReadonlyMap<string, Pod>): void;
}

export interface StaticFiles {
  stop(): void;
}

/** Resolves after the first look. A file that is wrong is told in the log and stops none of the others. */
export async function staticFiles(options: StaticFilesOptions): Promise<StaticFiles> {
  await mkdir(options.folder, { recursive: true }).catch(() => {}); // a file put there later is then seen at once
  const folder = new Folder(options);
  await folder.look();
  return folder;
}

class Folder implements StaticFiles {
  readonly #options: StaticFilesOptions;
  readonly #timer: { stop(): void };
  #watcher: FSWatcher | undefined;
  #looking: Promise<void> | undefined;
  #isStale = false;
  #seen: string | undefined;

  constructor(options: StaticFilesOptions) {
    this.#options = options;
    const onError = (error: unknown) => options.log.warn({ err: error, folder: options.folder }, 'static pods not read');
    this.#timer = repeat(LOOK_AGAIN_MS, () => this.look(), onError);
  }

  stop(): void {
    this.#timer.stop();
    this.#watcher?.close();
  }

  /** Looks once more when something changes during a look. */
  async look(): Promise<void> {
    this.#isStale = true;
    this.#looking ??= (async () => {
      while (this.#isStale) {
        this.#isStale = false;
        this.#watch();
        await this.#read();
      }
    })().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  #watch(): void {
    if (this.#watcher) return;
    const { folder, log } = this.#options;
    try {
      this.#watcher = watch(
        folder,
        () => void this.look().catch((error: unknown) => log.warn({ err: error, folder }, 'static pods not read')),
      );
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch {
      // no such folder yet: the timer looks again
    }
  }

  async #read(): Promise<void> {
    const { folder, nodeName, log, onPods } = this.#options;
    const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.')).sort();
    const pods = new Map<string, Pod>();
    const taken = new Set<string>();
    for (const name of names) {
      const path = join(folder, name);
      try {
        const found = await stat(path);
        if (!found.isFile()) continue;
        if (found.size > BYTES_MAX) throw new Error(`is longer than ${BYTES_MAX} bytes`);
        const pod = podOfFile(await readFile(path, 'utf8'), path, nodeName);
        const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
        if (taken.has(key)) throw new Error(`another file has a pod ${key} already`);
        taken.add(key);
        pods.set(pod.metadata.uid ?? '', pod);
      } catch (error) {
        log.error({ file: path, error: error instanceof Error ? error.message : String(error) }, 'static pod not taken');
      }
    }
    const seen = [...pods.keys()].join(' ');
    if (seen === this.#seen) return;
    this.#seen = seen;
    onPods(pods);
  }
}
