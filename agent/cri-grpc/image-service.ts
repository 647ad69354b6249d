// ImageService: one line a call.
import { type Cri, CriError, type Image } from '../cri/index.ts';
import { registryAuth } from './from-wire.ts';
import type * as wire from './gen/types.ts';
import { pieces } from './handlers.ts';
import type { ServiceHandlers } from './runtime-service.ts';
import * as to from './to-wire.ts';

export function imageService(cri: Cri): ServiceHandlers {
  return {
    unary: {
      ListImages: async ({ filter }: wire.ListImagesRequest): Promise<wire.ListImagesResponse> => ({
        images: (await images(cri, filter)).map(to.image),
      }),
      async ImageStatus({ image, verbose }: wire.ImageStatusRequest): Promise<wire.ImageStatusResponse> {
        const found = await cri.imageStatus(named(image));
        if (!found) return {};
        return { image: to.image(found), info: verbose ? { info: JSON.stringify(infoOf(found)) } : {} };
      },
      async PullImage({ image, auth }: wire.PullImageRequest): Promise<wire.PullImageResponse> {
        return { imageRef: await cri.pullImage(named(image), registryAuth(auth)) };
      },
      async RemoveImage({ image }: wire.RemoveImageRequest) {
        await cri.removeImage(named(image));
        return {};
      },
      async ImageFsInfo(): Promise<wire.ImageFsInfoResponse> {
        const { images, containers } = await cri.imageFsInfo();
        const timestamp = to.nanos(performance.timeOrigin + performance.now());
        const usage = ({ path, usedBytes, inodesUsed }: typeof images): wire.FilesystemUsage => ({
          timestamp,
          fsId: { mountpoint: path },
          usedBytes: { value: usedBytes },
          inodesUsed: { value: inodesUsed },
        });
        return { imageFilesystems: [usage(images)], containerFilesystems: [usage(containers)] };
      },
    },
    streaming: {
      async *StreamImages({ filter }: wire.StreamImagesRequest) {
        for (const items of pieces(await images(cri, filter))) yield { images: items.map(to.image) };
      },
    },
  };
}

async function images(cri: Cri, filter: wire.ImageFilter | null | undefined): Promise<Image[]> {
  const name = filter?.image?.image;
  if (!name) return await cri.listImages();
  const found = await cri.imageStatus(name);
  return found ? [found] : [];
}

function named(image: wire.ImageSpec | null | undefined): string {
  if (!image?.image) throw new CriError('InvalidArgument', 'an image must be named');
  return image.image;
}

/** What `crictl inspecti` shows below `info`: the part of the image's configuration that decides how it runs. */
const infoOf = ({ env, entrypoint, cmd, workingDir, stopSignal, exposedPorts, volumes, labels, uid, username }: Image) => ({
  imageSpec: {
    config: {
      User: uid === undefined ? (username ?? '') : String(uid),
      ExposedPorts: Object.fromEntries(exposedPorts.map((port) => [port, {}])),
      Env: env,
      Entrypoint: entrypoint,
      Cmd: cmd,
      Volumes: Object.fromEntries(volumes.map((path) => [path, {}])),
      WorkingDir: workingDir,
      Labels: labels,
      StopSignal: stopSignal,
    },
  },
});
