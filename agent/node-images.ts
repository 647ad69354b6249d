// The images that the node reports: the biggest ones, as many as upstream reports.
import type { ContainerImage } from '../api/gen/types/core.v1.ts';
import type { Cri } from './cri/index.ts';

const IMAGES_MAX = 50;

export async function nodeImages(cri: Pick<Cri, 'listImages'>): Promise<ContainerImage[]> {
  const images = await cri.listImages();
  return images
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, IMAGES_MAX)
    .map(({ repoDigests, repoTags, sizeBytes }) => ({ names: [...repoDigests, ...repoTags].slice(0, 5), sizeBytes }));
}
