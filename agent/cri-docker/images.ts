// Docker's images in CRI's words. Docker shortens names; here they are whole: `docker.io/library/nginx:1.27`.
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { CriError, type FsUsage, type Image, imageNameOrId, type RegistryAuth } from '../cri/index.ts';
import { normalizeName } from '../images/index.ts';
import { asCriError, asked, isNotFound } from './errors.ts';
import { PAUSE_IMAGE } from './pause-image.ts';

export async function pullImage(docker: Docker, ref: string, auth?: RegistryAuth): Promise<string> {
  const name = imageNameOrId(ref);
  try {
    const progress = await docker.pull(name, auth ? { authconfig: authOf(auth, name) } : {});
    // the status line says 200 before it is known how the pull ends
    const last = (await text(progress))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { error?: string })
      .find(({ error }) => error);
    if (last?.error) throw new Error(last.error);
  } catch (error) {
    const { message } = asCriError(error);
    throw new CriError(/connection refused|no such host|timeout/.test(message) ? 'RegistryUnavailable' : 'ErrImagePull', message, error);
  }
  return (await imageStatus(docker, name))?.id ?? name;
}

function authOf(
  { username = '', password = '', auth, identityToken, registryToken }: RegistryAuth,
  name: string,
): Docker.AuthConfig & object {
  const [user = '', ...secret] = auth ? Buffer.from(auth, 'base64').toString().split(':') : [];
  return {
    username: username || user,
    password: password || secret.join(':'),
    serveraddress: name.split('/')[0] ?? '',
    ...(identityToken ? { identitytoken: identityToken } : {}),
    ...(registryToken ? { registrytoken: registryToken } : {}),
  } as Docker.AuthConfig & object;
}

export async function imageStatus(docker: Docker, ref: string): Promise<Image | undefined> {
  try {
    return toImage(await docker.getImage(imageNameOrId(ref)).inspect());
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw asCriError(error);
  }
}

export async function listImages(docker: Docker): Promise<Image[]> {
  const listed = await asked(docker.listImages());
  const found = await Promise.all(listed.map(({ Id }) => imageStatus(docker, Id)));
  return found.filter((image) => image !== undefined);
}

function toImage({ Id, RepoTags, RepoDigests, Size, Config }: Docker.ImageInspectInfo): Image {
  const [user = ''] = (Config.User ?? '').split(':');
  const { StopSignal = '' } = Config as { StopSignal?: string };
  return {
    id: Id,
    repoTags: (RepoTags ?? []).map(normalizeName),
    repoDigests: (RepoDigests ?? []).map(normalizeName),
    sizeBytes: Size,
    ...(RepoTags?.includes(PAUSE_IMAGE) ? { pinned: true } : {}),
    ...(/^\d+$/.test(user) ? { uid: Number(user) } : user === '' ? {} : { username: user }),
    env: Config.Env ?? [],
    entrypoint: [Config.Entrypoint ?? []].flat(),
    cmd: Config.Cmd ?? [],
    workingDir: Config.WorkingDir ?? '',
    stopSignal: StopSignal,
    exposedPorts: Object.keys(Config.ExposedPorts ?? {}),
    volumes: Object.keys(Config.Volumes ?? {}),
    labels: Config.Labels ?? {},
  };
}

export async function removeImage(docker: Docker, ref: string): Promise<void> {
  await docker
    .getImage(imageNameOrId(ref))
    .remove()
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw asCriError(error);
    });
}

/** @throws CriError when Docker refuses the archive */
export async function loadImage(docker: Docker, archive: Readable): Promise<string[]> {
  const answer = await text(await asked(docker.loadImage(archive)));
  const names = [...answer.matchAll(/Loaded image: (.+?)\\n/g)].map((match) => normalizeName(match[1]!));
  const refused = /"error":"([^"]*)"/.exec(answer)?.[1];
  if (refused !== undefined) throw new CriError('Unknown', `cannot import the archive: ${refused}`);
  return names;
}

export async function imageFsInfo(docker: Docker): Promise<{ images: FsUsage; containers: FsUsage }> {
  const [usage, info] = await Promise.all([asked(docker.df()), asked(docker.info())]);
  const { LayersSize = 0, Containers = [] } = usage as { LayersSize?: number; Containers?: { SizeRw?: number }[] };
  const path = (info as { DockerRootDir: string }).DockerRootDir;
  const written = Containers.reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0);
  return { images: { path, usedBytes: LayersSize, inodesUsed: 0 }, containers: { path, usedBytes: written, inodesUsed: 0 } };
}
