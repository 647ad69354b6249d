// User namespaces. This process cannot make one for itself, having several threads: a small child does, and holds it until it is pinned.
import { closeSync, mkdirSync, openSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { GiveUp, waitFor } from '../run/index.ts';
import { bindMount, checkMappable } from './mounts.ts';
import { inNamespace, isPinned, type PinnableNamespace, unpinNamespace } from './namespaces.ts';
import { spawnProgram } from './spawn.ts';
import { pipeToChild } from './streams.ts';

/** The namespace's ids from 0 on are the machine's from `hostId` on. */
export interface IdRange {
  hostId: number;
  length: number;
}

export interface UserIds {
  uids: IdRange;
  gids: IdRange;
}

/** A namespace of another kind that is to belong to a user namespace; `inside` runs in it once. */
export interface OwnedNamespace {
  kind: PinnableNamespace;
  path: string;
  inside?: () => void;
}

const READY_TIMEOUT_MS = 10_000;

/**
 * Makes a user namespace, and others that belong to it, and pins them to files. Its own pin is the last: where it is, all are; and what a
 * crash left without it is made anew.
 */
export async function pinUserNamespace(path: string, ids: UserIds, others: readonly OwnedNamespace[]): Promise<void> {
  if (isPinned(path)) return;
  for (const other of others) unpinNamespace(other.path);
  const kinds = others.map(({ kind }) => kind);
  await withUserNamespace(ids, kinds, (namespaces) => {
    for (const { kind, path: file, inside } of others) {
      pin(`${namespaces}/${kind}`, file);
      if (inside) inNamespace(kind, file, inside);
    }
    pin(`${namespaces}/user`, path);
  });
}

/** Whether the kernel translates the owners of files in all these folders. */
export async function canMapUsers(folders: readonly string[]): Promise<boolean> {
  const ids = { hostId: 65_536, length: 65_536 };
  try {
    await withUserNamespace({ uids: ids, gids: ids }, [], (namespaces) => {
      for (const folder of folders) checkMappable(folder, `${namespaces}/user`);
    });
    return true;
  } catch {
    return false;
  }
}

function pin(namespace: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, 'a', 0o600));
  bindMount(namespace, path);
}

/** `work` gets the folder of the new namespaces' files, which are there as long as it runs: it must be synchronous. */
async function withUserNamespace(ids: UserIds, kinds: readonly PinnableNamespace[], work: (namespaces: string) => void): Promise<void> {
  const { stream, fd } = pipeToChild();
  try {
    const holder = startHolder(kinds, fd);
    try {
      await isInside(holder.pid, holder.exit);
      writeFileSync(`/proc/${holder.pid}/uid_map`, line(ids.uids));
      writeFileSync(`/proc/${holder.pid}/gid_map`, line(ids.gids));
      work(`/proc/${holder.pid}/ns`);
    } finally {
      holder.kill('SIGKILL');
    }
  } finally {
    stream.destroy();
  }
}

const line = ({ hostId, length }: IdRange): string => `0 ${hostId} ${length}\n`;

/** It waits for input that never comes, and so ends with this process at the latest. */
function startHolder(kinds: readonly PinnableNamespace[], input: number) {
  const PATH = process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  const flags = kinds.map((kind) => `--${kind}`);
  try {
    return spawnProgram('unshare', ['--user', ...flags, 'cat'], { env: { PATH }, stdio: [input, 'ignore', 'ignore'] });
  } finally {
    closeSync(input);
  }
}

async function isInside(pid: number, exit: Promise<number>): Promise<void> {
  const home = readlinkSync('/proc/self/ns/user');
  let code: number | undefined;
  void exit.then((ended) => {
    code = ended;
  });
  await waitFor({ what: 'a user namespace', timeoutMs: READY_TIMEOUT_MS, everyMs: 1 }, () => {
    if (code !== undefined) throw new GiveUp(`no user namespace was made (exit code ${code})`);
    return readlinkSync(`/proc/${pid}/ns/user`) !== home;
  });
}
