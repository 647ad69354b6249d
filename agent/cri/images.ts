// The image operations: the store's answers in CRI's shape and with kubelet's reasons.
import { diskUsage } from '../../kit/fs/index.ts';
import { importArchive, type ListedImage, type PullProgress, pullImage as pull, RegistryError } from '../images/index.ts';
import { type CriContext, messageOf } from './context.ts';
import { CriError, type FsUsage, type Image, type RegistryAuth } from './cri.ts';
import { imageName, imageNameOrId } from './image-name.ts';

/** Pulls under way, by name and who asks: a second caller waits for the first. Ends with the pull. */
const pulls = new WeakMap<CriContext, Map<string, Promise<string>>>();

export async function pullImage(context: CriContext, ref: string, auth?: RegistryAuth): Promise<string> {
  const name = imageName(ref);
  const running = pulls.get(context) ?? new Map<string, Promise<string>>();
  pulls.set(context, running);
  const key = `${name} ${JSON.stringify(auth ?? null)}`;
  const started = running.get(key) ?? pullOnce(context, name, auth).finally(() => running.delete(key));
  running.set(key, started);
  return await started;
}

async function pullOnce(context: CriContext, name: string, auth: RegistryAuth | undefined): Promise<string> {
  try {
    const onProgress = ({ digest, state, size }: PullProgress) => {
      if (state !== 'downloading') context.log.debug({ image: name, layer: digest, bytes: size }, `layer ${state}`);
    };
    const onMirrorFailure = (mirror: string, error: unknown) =>
      context.log.warn({ image: name, mirror, error: messageOf(error) }, 'a mirror could not help');
    const options = { ...context.registries, ...(auth ? { auth } : {}), onProgress, onMirrorFailure };
    return (await pull(context.images, name, options)).id;
  } catch (error) {
    const message = `failed to pull and unpack image "${name}": ${messageOf(error)}`;
    throw new CriError(
      error instanceof RegistryError && error.kind === 'unavailable' ? 'RegistryUnavailable' : 'ErrImagePull',
      message,
      error,
    );
  }
}

export async function imageStatus(context: CriContext, ref: string): Promise<Image | undefined> {
  imageNameOrId(ref); // or it is refused
  const listed = await context.images.findListed(ref);
  return listed && toImage(listed);
}

export const listImages = async (context: CriContext): Promise<Image[]> => (await context.images.list()).map(toImage);

export const loadImage = (context: CriContext, tarPath: string): Promise<string[]> => importArchive(context.images, tarPath);

export async function imageFsInfo(context: CriContext): Promise<{ images: FsUsage; containers: FsUsage }> {
  const containers = `${context.stateDir}/containers`;
  const [ofImages, ofContainers] = await Promise.all([diskUsage(context.images.folder), diskUsage(containers)]);
  return {
    images: { path: context.images.folder, usedBytes: ofImages.bytes, inodesUsed: ofImages.inodes },
    containers: { path: containers, usedBytes: ofContainers.bytes, inodesUsed: ofContainers.inodes },
  };
}

function toImage({ id, tags, digests, sizeBytes, pinned, config }: ListedImage): Image {
  const user = config.user.split(':')[0] ?? '';
  return {
    id,
    repoTags: tags,
    repoDigests: digests,
    sizeBytes,
    ...(pinned ? { pinned } : {}),
    ...(/^\d+$/.test(user) ? { uid: Number(user) } : user === '' ? {} : { username: user }),
    env: config.env,
    entrypoint: config.entrypoint,
    cmd: config.cmd,
    workingDir: config.workingDir,
    stopSignal: config.stopSignal,
    exposedPorts: config.exposedPorts,
    volumes: config.volumes,
    labels: config.labels,
  };
}
