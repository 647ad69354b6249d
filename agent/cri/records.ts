// What is on disk about sandboxes and containers: one small JSON each, written (atomically) before the effects it tells of, so that
// whatever a crash leaves behind has a record that leads to it.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { readFileIfExists, writeFileAtomicSync } from '../../kit/fs/index.ts';
import { removeTree } from '../../kit/linux/index.ts';
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
  readonly #known = new Map<string, T>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open<T extends { id: string }>(root: string): Promise<Records<T>> {
    await mkdir(root, { recursive: true, mode: 0o711 });
    const records = new Records<T>(root);
    for (const id of await readdir(root)) {
      const text = await readFileIfExists(`${root}/${id}/record.json`);
      if (text === undefined)
        await removeTree(`${root}/${id}`); // cut off before its record, or while it was removed
      else records.#known.set(id, JSON.parse(text) as T);
    }
    return records;
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

  put(record: T): void {
    writeFileAtomicSync(`${this.folder(record.id)}/record.json`, JSON.stringify(record));
    this.#known.set(record.id, record);
  }

  /** The record goes first: from then on only its folder is left, which the next start drops. */
  async remove(id: string): Promise<void> {
    await rm(`${this.folder(id)}/record.json`, { force: true });
    this.#known.delete(id);
    await removeTree(this.folder(id));
  }
}
