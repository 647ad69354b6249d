// Unused images go: now and then, and when the disk is nearly full. One collector for both, so that an image's age counts for both.
import { type Clock, type Logger, neverFails, repeat, type Service } from '../kit/run/index.ts';
import type { Cri } from './cri/index.ts';
import { type CollectedImages, FreeDiskSpaceFailed, type GcPolicy, ImageGc, ImageStore, isOff, type PullRecords } from './images/index.ts';
import { parseRuntime } from './runtime-choice.ts';

/** kubelet's ImageGCPeriod. */
const COLLECT_EVERY_MS = 5 * 60_000;

type ImagesOfCri = Pick<Cri, 'listImages' | 'listContainers' | 'removeImage' | 'imageFsInfo'>;

/**
 * What a node's containers were made from, ended ones too, is in use: they may be started anew (kubelet's detectImages). Our own store, which
 * the nodes of a machine share, tells besides what their running ones use.
 */
export async function collectedImages(runtime: string, imagesDir: string, cri: ImagesOfCri): Promise<CollectedImages> {
  return parseRuntime(runtime).kind === 'oci' ? storedImages(await ImageStore.open(imagesDir), cri) : criImages(cri);
}

export const storedImages = (store: CollectedImages, cri: Pick<Cri, 'listContainers'>): CollectedImages => ({
  list: () => store.list(),
  idsInUse: async () => new Set([...(await store.idsInUse()), ...(await idsOfContainers(cri))]),
  remove: (id) => store.remove(id),
  collectLayers: async () => store.collectLayers?.(),
  folder: store.folder,
});

export const criImages = (cri: ImagesOfCri): CollectedImages => ({
  list: () => cri.listImages(),
  idsInUse: () => idsOfContainers(cri),
  remove: (id) => cri.removeImage(id),
  folder: async () => (await cri.imageFsInfo()).images.path,
});

async function idsOfContainers(cri: Pick<Cri, 'listContainers'>): Promise<Set<string>> {
  const containers = await cri.listContainers();
  return new Set(containers.flatMap(({ imageId, mounts }) => [imageId, ...mounts.flatMap((mount) => mount.imageId ?? [])]));
}

export interface ImageCollectionOptions {
  images: CollectedImages;
  policy: GcPolicy;
  /** What is remembered of pulls is forgotten with their images. */
  access: Pick<PullRecords, 'prune'>;
  clock: Clock;
  log: Logger;
  /** Tells the node's watchers, with kubelet's reason. */
  onFailure: (reason: string, message: string) => void;
}

export interface ImageCollection {
  /** The first round is one period after the start, as kubelet's. */
  service: Service;
  /** Removes all unused images that are old enough. Never fails: those that cannot be removed stay. */
  reclaim(): Promise<void>;
}

export function imageCollection({ images, policy, access, clock, log, onFailure }: ImageCollectionOptions): ImageCollection {
  const gc = new ImageGc({ images, clock, policy });
  /** The first failure is for the log alone, as upstream. */
  let hasFailed = false;
  const told = ({ images: gone, bytes }: { images: string[]; bytes: number }) => {
    if (gone.length > 0) log.info({ images: gone, bytes }, 'unused images removed');
  };
  const onError = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    log.error({ err: error }, 'images not collected');
    if (error instanceof FreeDiskSpaceFailed) onFailure('FreeDiskSpaceFailed', message);
    if (hasFailed) onFailure('ImageGCFailed', message);
    hasFailed = true;
  };
  const round = async () => {
    told(await gc.collect());
    await access.prune(new Set((await images.list()).map(({ id }) => id)), clock.nowMs());
    hasFailed = false;
  };
  return {
    service: {
      name: 'image collection',
      async start() {
        if (isOff(policy)) return { failed: neverFails, stop: async () => {} };
        await gc.look().catch(onError);
        const timer = repeat(COLLECT_EVERY_MS, round, onError);
        return { failed: neverFails, stop: async () => timer.stop() };
      },
    },
    async reclaim() {
      try {
        told(await gc.reclaim(Number.POSITIVE_INFINITY));
      } catch (error) {
        log.error({ err: error }, 'images not reclaimed');
      }
    },
  };
}
