// Pods with users of their own: their root is nobody in particular on the machine. What they see of the disk is shown to them with owners
// translated: image layers by one mount a sandbox, volumes and the pod's own files by one mount each.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { canMapUsers, isMounted, mountMapped, type UserIds } from '../../kit/linux/index.ts';
import type { SpecMount } from '../runtime/index.ts';
import { type CriContext, messageOf, sandboxFile } from './context.ts';
import { type ContainerConfig, CriError, type PodSandboxConfig } from './cri.ts';
import type { ContainerRecord, SandboxRecord } from './records.ts';

/** @throws CriError where the handler or the kernel cannot, or what is asked for contradicts itself */
export async function checkUsers(context: CriContext, { linux, runtimeHandler = '' }: PodSandboxConfig): Promise<void> {
  const { user, network, pid, ipc } = linux?.namespaces ?? {};
  if (!user) return;
  if ([network, pid, ipc].includes('node'))
    throw new CriError(
      'InvalidArgument',
      'a pod with a user namespace of its own cannot be in the network, pid or ipc namespace of the node',
    );
  if (!(await supportsUsers(context, runtimeHandler)))
    throw new CriError('InvalidArgument', `user namespaces are not supported by runtime handler "${runtimeHandler}"`);
}

/** Whether pods of the handler can have users of their own, on this kernel and on the disks of this node. */
export async function supportsUsers(context: CriContext, handler: string): Promise<boolean> {
  return context.runtime.joinsUserNamespaces(handler) && (await context.canMapUsers());
}

/** Asked of the kernel once: layers, the pods' own files, and memory, which secrets are in (Linux 6.3). */
export function usersProbe({ runDir, folders }: { runDir: string; folders: readonly string[] }): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  return () => (asked ??= isOpenToAll(runDir) ? canMapUsers([runDir, ...folders, '/dev/shm']) : Promise.resolve(false));
}

/** Whether anybody may pass through to what lies there: a container's root does, to its own files, on its way in. */
function isOpenToAll(folder: string): boolean {
  const OTHERS_EXECUTE = 1;
  return (statSync(folder).mode & OTHERS_EXECUTE) !== 0 && (dirname(folder) === folder || isOpenToAll(dirname(folder)));
}

/** All layers of the node as the sandbox's users see them. */
export function mountLayers(context: CriContext, { id }: SandboxRecord): void {
  const target = sandboxFile(context, id, 'layers');
  mkdirSync(target, { recursive: true });
  if (!isMounted(target)) mountMapped(context.images.layersFolder, target, sandboxFile(context, id, 'user'));
}

/** Where the layers of a container's images are to be taken from. */
export const layersFolder = (context: CriContext, { sandboxId }: ContainerRecord): string =>
  usersOf(context, sandboxId) ? sandboxFile(context, sandboxId, 'layers') : context.images.layersFolder;

export const usersOf = (context: CriContext, sandboxId: string): UserIds | undefined =>
  context.sandboxes.get(sandboxId)?.config.linux?.namespaces?.user;

/** @throws CriError for a mount that is to belong to other users than its pod's */
export function checkOwners(mounts: NonNullable<ContainerConfig['mounts']>, users: UserIds | undefined): void {
  for (const { owners, containerPath } of mounts)
    if (owners && !(users && isSame(owners.uids, users.uids) && isSame(owners.gids, users.gids)))
      throw new CriError('InvalidArgument', `mount at "${containerPath}": its id mappings are not those of the pod's user namespace`);
}

const isSame = (a: UserIds['uids'], b: UserIds['uids']): boolean => a.hostId === b.hostId && a.length === b.length;

/**
 * The same mount from a place in the container's bundle, with which it ends: there its pod's users own what the disk gives to 0, 1, ... It
 * is made read-only here: a runtime in a user namespace may not change a mount any more. `name`: no other of the container's has it.
 * @throws CriError for a file system that cannot do it
 */
export function withOwners(context: CriContext, { id, sandboxId }: ContainerRecord, mount: SpecMount, name: string): SpecMount {
  const { source } = mount;
  const target = `${dirname(context.runtime.rootfsPath(id))}/mount-${name}`;
  const { readonly, recursiveReadOnly, ...as } = mount;
  if (!isMounted(target)) {
    if (statSync(source).isDirectory()) mkdirSync(target, { recursive: true });
    else writeFileSync(target, '');
    try {
      const options = recursiveReadOnly ? { readonly: 'all' as const } : readonly ? { readonly: 'itself' as const } : {};
      mountMapped(source, target, sandboxFile(context, sandboxId, 'user'), options);
    } catch (error) {
      throw new CriError('CreateContainerError', `failed to mount ${source} for the users of the pod: ${messageOf(error)}`, error);
    }
  }
  return { ...as, source: target, readonly: false };
}
