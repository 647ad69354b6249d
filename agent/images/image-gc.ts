// Performs image garbage collection (the decisions are in gc.ts). Rounds are the caller's: on a timer, or when the disk is under pressure.
import { fsUsage } from '../../kit/fs/index.ts';
import type { Clock } from '../../kit/run/index.ts';
import { bytesToFree, type Disk, type GcImage, type GcPolicy, gcDefaults, removable, type Sightings, sight, tooOld } from './gc.ts';

/** An ImageStore, or what another runtime tells of its images. */
export interface CollectedImages {
  list(): Promise<readonly GcImage[]>;
  idsInUse(): Promise<ReadonlySet<string>>;
  remove(id: string): Promise<void>;
  /** Removes what interrupted pulls left. */
  collectLayers?(): Promise<unknown>;
  /** On the disk that is watched. */
  readonly folder: string | (() => Promise<string>);
}

export interface ImageGcOptions {
  images: CollectedImages;
  clock: Clock;
  policy?: Partial<GcPolicy>;
  /** Default: of the file system that the images are on. */
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
    const { images, clock } = this.#options;
    const { candidates } = await this.look();
    const old = tooOld(candidates, this.#sightings, this.#policy.maxAgeMs, clock.nowMs());
    for (const { id } of old) await images.remove(id);
    const wanted = bytesToFree(await this.#disk(), this.#policy);
    const freed = wanted > 0 ? await this.reclaim(wanted) : { images: [], bytes: 0 };
    if (freed.bytes < wanted) throw new FreeDiskSpaceFailed(wanted, freed.bytes);
    return { images: [...old.map(({ id }) => id), ...freed.images], bytes: freed.bytes + old.reduce((sum, i) => sum + i.sizeBytes, 0) };
  }

  /**
   * Removes unused images until about so many bytes are free, all of them with Infinity. Tells what went; never throws for too little.
   * @throws AggregateError of those that could not be removed, after the others went
   */
  async reclaim(bytes: number): Promise<Reclaimed> {
    const { candidates } = await this.look();
    const gone: Reclaimed = { images: [], bytes: 0 };
    const failures: unknown[] = [];
    for (const { id, sizeBytes } of candidates) {
      if (gone.bytes >= bytes) break;
      try {
        await this.#options.images.remove(id);
      } catch (error) {
        failures.push(error); // somebody else's container may use it
        continue;
      }
      gone.images.push(id);
      gone.bytes += sizeBytes;
    }
    await this.#options.images.collectLayers?.();
    if (failures.length > 0) {
      const why = failures.map((error) => (error instanceof Error ? error.message : String(error))).join(', ');
      const wanted = `wanted to free ${bytes} bytes, but freed ${gone.bytes} bytes space with errors in image deletion`;
      throw new AggregateError(failures, `${wanted}: [${why}]`);
    }
    return gone;
  }

  /** Notes what is there, in use or not: an image's age counts from when it was first seen. */
  async look(): Promise<{ candidates: GcImage[] }> {
    const { images, clock } = this.#options;
    const [all, inUse] = [await images.list(), await images.idsInUse()];
    const nowMs = clock.nowMs();
    this.#sightings = sight(this.#sightings, all, inUse, nowMs);
    return { candidates: removable(all, inUse, this.#sightings, this.#policy.minAgeMs, nowMs) };
  }

  async #disk(): Promise<Disk> {
    if (this.#options.disk) return await this.#options.disk();
    const { folder } = this.#options.images;
    return await fsUsage(typeof folder === 'string' ? folder : await folder());
  }
}
