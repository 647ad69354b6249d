// The image of a pod's first container is looked up, or pulled, while the network is made.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { Image } from '../cri/index.ts';
import type { ImagePulls } from './image-pulls.ts';

export class FirstImage {
  #fetched: { container: Container; image: Promise<Image> } | undefined;

  fetch(pulls: ImagePulls, pod: Pod): void {
    const first = pod.spec?.initContainers?.[0] ?? pod.spec?.containers[0];
    if (first && !this.#fetched) this.#fetched = { container: first, image: ensured(pulls, pod, first) };
  }

  /** What was fetched ahead for the container, unless it has another image by now; else it is fetched now. */
  take(pulls: ImagePulls, pod: Pod, container: Container): Promise<Image> {
    const { container: first, image } = this.#fetched ?? {};
    const ahead = first?.name === container.name && first.image === container.image ? image : undefined;
    this.#fetched = undefined;
    return ahead ?? ensured(pulls, pod, container);
  }
}

function ensured(pulls: ImagePulls, pod: Pod, container: Container): Promise<Image> {
  const image = pulls.ensure(pod, container);
  image.catch(() => {}); // whoever starts the container sees it
  return image;
}
