// CreateContainer: everything is resolved and recorded, the root file system is mounted. The process comes with StartContainer, because
// only there may a wrong command show itself (as kubelet's RunContainerError).
import { chownSync, closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { expectGroupMove, isMounted } from '../../kit/linux/index.ts';
import { step, systemClock } from '../../kit/run/index.ts';
import type { ImageRecord, ListedImage } from '../images/index.ts';
import { resolveCdi } from './cdi.ts';
import { type CriContext, containersOf, messageOf, mustSandbox, newId } from './context.ts';
import { type ContainerConfig, CriError } from './cri.ts';
import { mountImage } from './mount-image.ts';
import { checkMounts, mountImageVolumes, resolveImageVolumes } from './mounts.ts';
import type { ContainerRecord } from './records.ts';
import { isSandboxReady } from './sandbox-status.ts';
import { apparmorOf, seccompOf } from './security-profiles.ts';
import { resolveUser } from './user.ts';
import { checkOwners, usersOf } from './user-namespace.ts';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export async function createContainer(context: CriContext, sandboxId: string, config: ContainerConfig): Promise<string> {
  const sandbox = mustSandbox(context, sandboxId);
  checkMounts(config.mounts ?? []);
  checkOwners(config.mounts ?? [], sandbox.config.linux?.namespaces?.user);
  const cdi = resolveCdi(config, (file, error) => context.log.warn({ file, error: messageOf(error) }, 'not a CDI specification'));
  seccompOf(context, config.linux?.securityContext ?? {}); // a profile that cannot be had is told now
  apparmorOf(config.linux?.securityContext ?? {});
  if (!isSandboxReady(context, sandbox)) throw new CriError('CreateContainerError', `sandbox container "${sandboxId}" is not running`);
  return await context.turns.take(`create/${sandboxId}/${config.metadata.name}/${config.metadata.attempt}`, async () => {
    const before = containersOf(context, sandboxId).find(
      (c) => c.config.metadata.name === config.metadata.name && c.config.metadata.attempt === config.metadata.attempt,
    );
    // One that a crash cut off is finished: it may lack its mounts, and its user, as which it must not run as root instead.
    if (before && (before.startedAtMs !== undefined || before.exit)) return before.id;
    const wanted = before?.imageId ?? config.image;
    const image = await context.images.findListed(wanted);
    if (!image) throw new CriError('ImageNotFound', `failed to resolve image "${wanted}": not found`);
    const record = before ?? {
      id: newId(),
      sandboxId,
      config,
      createdAtMs: systemClock.nowMs(),
      imageId: image.id,
      imageRef: imageRefOf(config.image, image),
      layers: image.layers.toReversed().map((layer) => context.images.layerName(layer)),
      imageVolumes: await resolveImageVolumes(context, config.mounts ?? []),
      ...(cdi ? { cdi } : {}),
      args: commandOf(config, image),
      env: environmentOf(config, image, sandbox.config.hostname),
      cwd: config.workingDir || image.config.workingDir || '/',
      user: { uid: 0, gid: 0, supplementalGroups: [] },
      stopSignal: config.stopSignal || image.config.stopSignal || 'SIGTERM',
    };
    expectGroupMove();
    try {
      step('container.record', () => context.containers.put(record));
      step('container.rootfs', () => mountRootfs(context, record));
      step('container.image-volumes', () => mountImageVolumes(context, record));
      const user = identityOf(context, record, image);
      step('container.user-record', () => context.containers.put({ ...record, user }));
    } catch (error) {
      await context.runtime.delete(record.id);
      await context.containers.remove(record.id);
      throw error instanceof CriError ? error : new CriError('CreateContainerError', messageOf(error), error);
    }
    context.events.emit({ type: 'created', containerId: record.id, sandboxId });
    return record.id;
  });
}

/** `command` replaces ENTRYPOINT and drops CMD; `args` replaces CMD. @throws CriError */
function commandOf(config: ContainerConfig, image: ImageRecord): string[] {
  const entrypoint = config.command?.length ? config.command : image.config.entrypoint;
  const args = config.args?.length ? config.args : config.command?.length ? [] : image.config.cmd;
  const command = [...entrypoint, ...args];
  if (command.length === 0) throw new CriError('CreateContainerError', 'failed to generate container spec: no command specified');
  return command;
}

/** Later entries win; the first place of a name is kept. */
function environmentOf(config: ContainerConfig, image: ImageRecord, hostname: string): string[] {
  const out = new Map<string, string>();
  const add = (entry: string) => out.set(entry.split('=', 1)[0]!, entry);
  add(DEFAULT_PATH);
  add(`HOSTNAME=${hostname}`);
  if (config.tty) add('TERM=xterm');
  for (const entry of image.config.env) add(entry);
  for (const { key, value } of config.env ?? []) add(`${key}=${value}`);
  return [...out.values()];
}

/** name@digest of the repository that was asked for, as kubelet shows it in imageID; the id where the image came from an archive. */
function imageRefOf(asked: string, { id, tags, digests }: ListedImage): string {
  const repository = tags.find((tag) => tag.includes(asked.split('@')[0]!.split(':')[0]!))?.replace(/:[^:/]+$/, '');
  return digests.find((digest) => digest.startsWith(`${repository}@`)) ?? digests[0] ?? id;
}

/** Also after a restart of the machine, for a container that was created but never started. */
export function mountRootfs(context: CriContext, record: ContainerRecord): void {
  const target = context.runtime.rootfsPath(record.id);
  if (isMounted(target)) return;
  const folder = context.containers.folder(record.id);
  const upper = `${folder}/upper`;
  mkdirSync(upper, { recursive: true });
  const users = usersOf(context, record.sandboxId);
  if (users) chownSync(upper, users.uids.hostId, users.gids.hostId); // what is written there stays as it is: this folder is the root's own owner
  mountImage(context, record, { imageId: record.imageId, layers: record.layers, folder, target });
}

function identityOf(context: CriContext, record: ContainerRecord, image: ImageRecord): ContainerRecord['user'] {
  const { runAsUser, runAsUsername, runAsGroup, supplementalGroups, supplementalGroupsPolicy } = record.config.linux?.securityContext ?? {};
  const rootfs = context.runtime.rootfsPath(record.id);
  return resolveUser(
    {
      imageUser: image.config.user,
      ...(runAsUser === undefined ? {} : { runAsUser }),
      ...(runAsUsername === undefined ? {} : { runAsUsername }),
      ...(runAsGroup === undefined ? {} : { runAsGroup }),
      ...(supplementalGroups === undefined ? {} : { supplementalGroups }),
      ...(supplementalGroupsPolicy === undefined ? {} : { supplementalGroupsPolicy }),
    },
    readInImage(rootfs, 'passwd'),
    readInImage(rootfs, 'group'),
  );
}

/** A regular file of the image's /etc, '' otherwise: a symlink of an image must not show us a file of the host. */
function readInImage(rootfs: string, name: string): string {
  const folder = openQuietly(`${rootfs}/etc`, constants.O_DIRECTORY);
  if (folder === undefined) return '';
  const file = openQuietly(`/proc/self/fd/${folder}/${name}`, constants.O_NONBLOCK);
  try {
    return file !== undefined && fstatSync(file).isFile() ? readFileSync(file, 'utf8') : '';
  } finally {
    closeSync(folder);
    if (file !== undefined) closeSync(file);
  }
}

function openQuietly(path: string, flags: number): number | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | flags);
  } catch {
    return undefined;
  }
}
