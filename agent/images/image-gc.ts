// Performs image garbage collection (the decisions are in gc.ts). Rounds are the caller's: on a timer, or when the disk is under pressure.
import { statfs } from 'node:fs/promises';
import type { Clock } from '../../kit/run/index.ts';
import { bytesToFree, type Disk, type GcPolicy, gcDefaults, removable, type Sightings, sight, tooOld } from './gc.ts';
import type { ImageStore } from './store.ts';

export interface ImageGcOptions {
  store: ImageStore;
  clock: Clock;
  policy?: Partial<GcPolicy>;
  /** Default: of the file system that the store is on. */
  disk?: () => Promise<Disk>;
}

export interface Reclaimed {
  images: string[];
  bytes: number;
}

/** Kubelet's text for the event FreeDiskSpaceFailed. */
export class FreeDiskSpaceFailed extends Error {
  constructor(wanted: number, freed: number) {
    super(
      `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`,
    );
    this.name = 'FreeDiskSpaceFailed';
  }
}

export class ImageGc {
  readonly #options: ImageGcOptions;
  readonly #policy: GcPolicy;
  #sightings: Sightings = new Map();

  constructor(options: ImageGcOptions) {
    this.#options = options;
    this.#policy = { ...gcDefaults, ...options.policy };
  }

  /** One round: what is too old goes, then, above the high threshold, what is unused. @throws FreeDiskSpaceFailed when that is too little */
  async collect(): Promise<Reclaimed> {
    const { store, clock } = this.#options;
    const { candidates } = await this.#look();
    const old = tooOld(candidates, this.#sightings, this.#policy.maxAgeMs, clock.nowMs());
    for (const { id } of old) await store.remove(id);
    const wanted = bytesToFree(await this.#disk(), this.#policy);
    const freed = wanted > 0 ? await this.reclaim(wanted) : { images: [], bytes: 0 };
    if (freed.bytes < wanted) throw new FreeDiskSpaceFailed(wanted, freed.bytes);
    return { images: [...old.map(({ id }) => id), ...freed.images], bytes: freed.bytes + old.reduce((sum, i) => sum + i.sizeBytes, 0) };
  }

  /** Removes unused images until about so many bytes are free, all of them with Infinity. Tells what went; never throws for too little. */
  async reclaim(bytes: number): Promise<Reclaimed> {
    const { candidates } = await this.#look();
    const gone: Reclaimed = { images: [], bytes: 0 };
    for (const { id, sizeBytes } of candidates) {
      if (gone.bytes >= bytes) break;
      await this.#options.store.remove(id);
      gone.images.push(id);
      gone.bytes += sizeBytes;
    }
    await this.#options.store.collectLayers();
    return gone;
  }

  async #look() {
    const { store, clock } = this.#options;
    const [images, inUse] = [await store.list(), await store.idsInUse()];
    const nowMs = clock.nowMs();
    this.#sightings = sight(this.#sightings, images, inUse, nowMs);
    return { candidates: removable(images, inUse, this.#sightings, this.#policy.minAgeMs, nowMs) };
  }

  async #disk(): Promise<Disk> {
    if (this.#options.disk) return await this.#options.disk();
    const { bsize, blocks, bavail } = await statfs(this.#options.store.folder);
    return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
  }
}
