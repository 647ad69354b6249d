// What goes when a foreign runtime's disk is nearly full.
import { expect, test } from 'vitest';
import { silentLogger, systemClock } from '../kit/run/index.ts';
import type { ContainerStatus, Cri, Image } from './cri/index.ts';
import { criImages, imageCollection, storedImages } from './image-collection.ts';
import { gcDefaults } from './images/index.ts';

test('images of containers and of their volumes stay, pinned ones too; the others go once they are old enough, as far as they can', async () => {
  const removed: string[] = [];
  const cri = {
    listImages: async () =>
      ['run', 'volume', 'pause', 'foreign', 'unused'].map(
        (id) => ({ id, sizeBytes: 1, ...(id === 'pause' ? { pinned: true } : {}) }) as Image,
      ),
    listContainers: async () =>
      [{ imageId: 'run', mounts: [{ hostPath: '', containerPath: '/v', image: 'v:1', imageId: 'volume' }] }] as ContainerStatus[],
    removeImage: async (id: string) => {
      if (id === 'foreign') throw new Error('conflict: a container that is not ours uses it');
      removed.push(id);
    },
    imageFsInfo: async () => ({ images: { path: '/', usedBytes: 0, inodesUsed: 0 } }) as Awaited<ReturnType<Cri['imageFsInfo']>>,
  };
  let nowMs = 1_000_000;
  const { reclaim } = imageCollection({
    images: criImages(cri),
    policy: gcDefaults,
    access: { prune: async () => {} },
    clock: { ...systemClock, nowMs: () => nowMs },
    log: silentLogger,
    onFailure: () => expect.unreachable(),
  });
  await reclaim();
  expect(removed).toEqual([]);
  nowMs += gcDefaults.minAgeMs;
  await reclaim();
  expect(removed).toEqual(['unused']);
});

test('of the store that nodes share what any of them runs is in use, and what ended containers of this node were made from', async () => {
  const store = {
    list: async () => [],
    idsInUse: async () => new Set(['neighbour', 'running']),
    remove: async () => {},
    folder: '/images',
  };
  const listContainers = async () =>
    [
      { state: 'running', imageId: 'running', mounts: [] },
      { state: 'exited', imageId: 'ended', mounts: [{ hostPath: '', containerPath: '/v', image: 'v:1', imageId: 'its volume' }] },
    ] as unknown as ContainerStatus[];
  expect([...(await storedImages(store, { listContainers }).idsInUse())].sort()).toEqual(['ended', 'its volume', 'neighbour', 'running']);
});
