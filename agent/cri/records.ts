// What is on disk about sandboxes and containers: one small JSON each, written (atomically) before the effects it tells of, so that
// whatever a crash leaves behind has a record that leads to it.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { fileErrorText, readFileIfExists, writeFileAtomicSync } from '../../kit/fs/index.ts';
import { removeTree } from '../../kit/linux/index.ts';
import type { Logger } from '../../kit/run/index.ts';
import type { CdiEdits } from './cdi-specs.ts';
import type { ContainerConfig, PodSandboxConfig } from './cri.ts';

export interface SandboxRecord {
  id: string;
  config: PodSandboxConfig;
  createdAtMs: number;
  /** `ready` is written last, `notready` first of all when it is torn down. */
  state: 'creating' | 'ready' | 'notready';
  /** Pinned namespaces do not survive a boot. */
  bootId: string;
  ips: string[];
  /** Of the kernel's kills for want of memory in its group, how many have been told as some container's end. */
  oomKills?: number;
}

export interface ContainerRecord {
  id: string;
  sandboxId: string;
  config: ContainerConfig;
  createdAtMs: number;
  imageId: string;
  imageRef: string;
  /** Overlay folders of the image below the store's `layers/`, the uppermost first. */
  layers: string[];
  /** Images among the mounts, in their order. */
  imageVolumes?: ImageVolume[];
  /** What its CDI devices bring, as it was written when it was created. */
  cdi?: CdiEdits;
  args: string[];
  env: string[];
  cwd: string;
  user: { uid: number; gid: number; supplementalGroups: number[] };
  stopSignal: string;
  /** Written before the runtime is asked to create it: from then on it counts as started once. */
  startedAtMs?: number;
  exit?: ContainerExit;
}

export interface ImageVolume {
  containerPath: string;
  imageId: string;
  /** As those of the container's own image. */
  layers: string[];
}

export interface ContainerExit {
  code: number;
  finishedAtMs: number;
  reason: string;
  message: string;
}

/** Records of one kind: a folder each, below `root`, that may hold further files. */
export class Records<T extends { id: string }> {
  readonly #root: string;
  readonly #log: Logger;
  readonly #known = new Map<string, T>();
  /** What the disk did not take. */
  readonly #unwritten = new Map<string, T>();

  private constructor(root: string, log: Logger) {
    this.#root = root;
    this.#log = log;
  }

  static async open<T extends { id: string }>(root: string, log: Logger): Promise<Records<T>> {
    await mkdir(root, { recursive: true, mode: 0o711 });
    const records = new Records<T>(root, log);
    for (const id of await readdir(root)) {
      const record = await records.#read(id);
      // Without a record: cut off before it was written, or while it was removed.
      if (record === undefined) await removeTree(`${root}/${id}`);
      else records.#known.set(id, record);
    }
    return records;
  }

  /** After a power failure a file may be there without its content: then nothing of what it told of is there either. */
  async #read(id: string): Promise<T | undefined> {
    const file = this.#fileOf(id);
    const text = await readFileIfExists(file);
    try {
      return text === undefined ? undefined : (JSON.parse(text) as T);
    } catch {
      this.#log.warn({ file, bytes: text?.length }, 'a record that cannot be read: taken as none');
      return undefined;
    }
  }

  folder(id: string): string {
    return `${this.#root}/${id}`;
  }
  get(id: string): T | undefined {
    return this.#known.get(id);
  }
  all(): T[] {
    return [...this.#known.values()];
  }

  /** To be called before what it tells of is done. @throws Error of a disk that is full: then it must not be done */
  put(record: T): void {
    this.#write(record);
    this.#known.set(record.id, record);
    for (const late of this.#unwritten.values()) this.note(late); // the disk has room again
  }

  /**
   * The same for what has happened, or must: a disk that takes nothing keeps no container from ending and no pod from being removed, which is
   * what makes room on it. What could not be written is known here, and is written when the disk takes something again. An agent that dies
   * before finds the end anew, without its exit code.
   */
  note(record: T): void {
    const { id } = record;
    this.#known.set(id, record);
    try {
      this.#write(record);
    } catch (error) {
      if (!this.#unwritten.has(id)) this.#log.warn({ record: id, error: fileErrorText(error) }, 'a record is not on the disk');
      this.#unwritten.set(id, record);
    }
  }

  #write(record: T): void {
    writeFileAtomicSync(this.#fileOf(record.id), JSON.stringify(record));
    this.#unwritten.delete(record.id);
  }

  #fileOf(id: string): string {
    return `${this.folder(id)}/record.json`;
  }

  /** The record goes first: from then on only its folder is left, which the next start drops. */
  async remove(id: string): Promise<void> {
    await rm(this.#fileOf(id), { force: true });
    this.#known.delete(id);
    this.#unwritten.delete(id);
    await removeTree(this.folder(id));
  }
}
