// The way to Docker Engine's socket.
import { createReadStream } from 'node:fs';
import type Docker from 'dockerode';
import { CriError } from '../cri/index.ts';
import { imageStatus, loadImage } from './images.ts';

/** @throws CriError when nobody answers */
export async function connectDocker(socket: string): Promise<Docker> {
  const { default: Engine } = await import('dockerode');
  const docker = new Engine({ socketPath: socket });
  await docker.ping().catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'the socket is not there' : error.message;
    throw new CriError('Unknown', `no Docker at docker://${socket}: ${why}`, error);
  });
  return docker;
}

/** Images of the Docker at a socket, for who is not its agent. @throws CriError when nobody answers */
export async function dockerImages(socket: string) {
  const docker = await connectDocker(socket);
  return {
    has: async (ref: string): Promise<boolean> => (await imageStatus(docker, ref)) !== undefined,
    load: async (tarPath: string): Promise<void> => void (await loadImage(docker, createReadStream(tarPath))),
    close: () => {},
  };
}
