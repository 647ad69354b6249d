// Garbage collection of images as kubelet does it: above the high threshold of disk use the longest unused go, until the low one.
// Images that are in use, pinned or younger than the minimum age stay; those unused for longer than the maximum age go in any case.

export interface GcPolicy {
  /** Percent of the disk, imageGCHighThresholdPercent. */
  highPercent: number;
  /** imageGCLowThresholdPercent. */
  lowPercent: number;
  /** imageMinimumGCAge. */
  minAgeMs: number;
  /** imageMaximumGCAge; 0: no limit. */
  maxAgeMs: number;
}

/** kubelet's defaults. */
export const gcDefaults: GcPolicy = { highPercent: 85, lowPercent: 80, minAgeMs: 120_000, maxAgeMs: 0 };

/** No rounds of their own; who needs room still reclaims (kubelet's StartGarbageCollection). */
export const isOff = ({ highPercent, maxAgeMs }: GcPolicy): boolean => highPercent === 100 && maxAgeMs === 0;

export interface GcImage {
  id: string;
  sizeBytes: number;
  pinned?: boolean;
}

export interface Disk {
  capacityBytes: number;
  availableBytes: number;
}

/** When an image was first seen and last seen in use, by id; kept between rounds and in memory only, as kubelet does. */
export type Sightings = ReadonlyMap<string, { firstSeenMs: number; lastUsedMs: number }>;

/** The sightings of the next round. An image that is gone is forgotten. */
export function sight(before: Sightings, images: readonly GcImage[], inUse: ReadonlySet<string>, nowMs: number): Sightings {
  return new Map(
    images.map(({ id }) => {
      const known = before.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
      return [id, inUse.has(id) ? { ...known, lastUsedMs: nowMs } : known];
    }),
  );
}

/** Bytes that must be freed to come below the low threshold; 0 while use is below the high one. */
export function bytesToFree({ capacityBytes, availableBytes }: Disk, { highPercent, lowPercent }: GcPolicy): number {
  if (capacityBytes <= 0) return 0;
  const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
  return usedPercent < highPercent ? 0 : Math.max(0, Math.floor((capacityBytes * (100 - lowPercent)) / 100) - availableBytes);
}

/** Images that may go, the longest unused first, then the first seen. */
export function removable(
  images: readonly GcImage[],
  inUse: ReadonlySet<string>,
  sightings: Sightings,
  minAgeMs: number,
  nowMs: number,
): GcImage[] {
  const seen = (id: string) => sightings.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
  return images
    .filter(({ id, pinned }) => !pinned && !inUse.has(id) && nowMs - seen(id).firstSeenMs >= minAgeMs)
    .sort((a, b) => seen(a.id).lastUsedMs - seen(b.id).lastUsedMs || seen(a.id).firstSeenMs - seen(b.id).firstSeenMs);
}

/** Of the removable ones those that are unused for longer than the maximum age. */
export function tooOld(images: readonly GcImage[], sightings: Sightings, maxAgeMs: number, nowMs: number): GcImage[] {
  if (maxAgeMs <= 0) return [];
  return images.filter(({ id }) => {
    const { firstSeenMs, lastUsedMs } = sightings.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
    return nowMs - Math.max(firstSeenMs, lastUsedMs) > maxAgeMs;
  });
}
