// Images of a CRI runtime. CRI cannot import an archive: containerd's own command does.
import { tryRun } from '../../kit/exec/index.ts';
import { CriError, type FsUsage, type Image, imageName, imageNameOrId, isCriError, type RegistryAuth } from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { Connection, isUnavailable } from './connection.ts';
import * as from from './from-wire.ts';
import { authConfig } from './to-wire.ts';

const PULL_TIMEOUT_MS = 30 * 60_000;
const IMPORT_TIMEOUT_MS = 10 * 60_000;
/** Where containerd's CRI plugin keeps its images. */
const NAMESPACE = 'k8s.io';

export async function pullImage(connection: Connection, ref: string, auth?: RegistryAuth): Promise<string> {
  const image = imageName(ref);
  try {
    const { imageRef = '' } = await connection.call<wire.PullImageResponse>(
      'ImageService',
      'PullImage',
      { image: { image, userSpecifiedImage: ref }, ...(auth ? { auth: authConfig(auth) } : {}) },
      { timeoutMs: PULL_TIMEOUT_MS, reason: 'ErrImagePull' },
    );
    return (await imageStatus(connection, imageRef))?.id ?? imageRef;
  } catch (error) {
    const reason = isUnavailable(error) ? 'RegistryUnavailable' : 'ErrImagePull';
    throw new CriError(reason, error instanceof Error ? error.message : String(error), error);
  }
}

export async function imageStatus(connection: Connection, ref: string): Promise<Image | undefined> {
  const image = imageNameOrId(ref);
  const answer = await connection
    .call<wire.ImageStatusResponse>('ImageService', 'ImageStatus', { image: { image }, verbose: true })
    .catch((error: unknown): wire.ImageStatusResponse => {
      if (isCriError(error, 'NotFound')) return {};
      throw error;
    });
  return answer.image ? from.image(answer.image, answer.info) : undefined;
}

export async function listImages(connection: Connection): Promise<Image[]> {
  const { images = [] } = await connection.call<wire.ListImagesResponse>('ImageService', 'ListImages', { filter: {} });
  return images.map((image) => from.image(image));
}

export async function removeImage(connection: Connection, ref: string): Promise<void> {
  await connection.call('ImageService', 'RemoveImage', { image: { image: ref } });
}

export async function imageFsInfo(connection: Connection): Promise<{ images: FsUsage; containers: FsUsage }> {
  const { imageFilesystems = [], containerFilesystems = [] } = await connection.call<wire.ImageFsInfoResponse>(
    'ImageService',
    'ImageFsInfo',
    {},
  );
  const images = from.fsUsage(imageFilesystems);
  // one file system for both: what runtimes without the second list have
  return { images, containers: containerFilesystems.length > 0 ? from.fsUsage(containerFilesystems) : images };
}

/** Images of the runtime at a socket, for who is not its agent. */
export function remoteImages(socket: string) {
  const connection = new Connection(socket);
  return {
    has: async (ref: string): Promise<boolean> => (await imageStatus(connection, ref)) !== undefined,
    async load(tarPath: string): Promise<void> {
      const { runtimeName = '' } = await connection.call<wire.VersionResponse>('RuntimeService', 'Version', { version: 'v1' });
      await loadImage(connection, runtimeName, tarPath);
    },
    close: () => connection.close(),
  };
}

/** @throws CriError when the runtime is not containerd, or its command refuses the file */
export async function loadImage(connection: Connection, runtimeName: string, tarPath: string): Promise<string[]> {
  if (runtimeName !== 'containerd') throw new CriError('Unknown', `${runtimeName} cannot import images: push ${tarPath} to a registry`);
  const { stdout, failure } = await tryRun(
    'ctr',
    ['--address', connection.socket, '--namespace', NAMESPACE, 'images', 'import', '--digests=false', tarPath],
    { timeoutMs: IMPORT_TIMEOUT_MS },
  );
  if (failure) throw new CriError('Unknown', `cannot import ${tarPath}: ${failure.stderr.trim() || failure.message}`, failure);
  return [...stdout.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1]!);
}
