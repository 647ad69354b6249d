// How much of the disk a folder takes, as `du` counts it: what is allocated, each hard link once.
import { lstat, readdir } from 'node:fs/promises';
import { systemClock } from '../run/index.ts';

export interface DiskUsage {
  bytes: number;
  inodes: number;
}

/** Walking is slow where there are many files: an answer serves for a while. */
const FRESH_MS = 10_000;
const KNOWN_MAX = 1000;
const BLOCK = 512;

interface Known {
  atMs: number;
  usage: Promise<DiskUsage>;
}
const known = new Map<string, Known>();

/** At most ten seconds old. What vanishes on the way counts nothing. */
export async function diskUsage(folder: string): Promise<DiskUsage> {
  const nowMs = systemClock.nowMs();
  const before = known.get(folder);
  if (before && nowMs - before.atMs < FRESH_MS) return await before.usage;
  if (known.size >= KNOWN_MAX) known.clear();
  const usage = walk(folder, new Set());
  known.set(folder, { atMs: nowMs, usage });
  return await usage;
}

async function walk(folder: string, seen: Set<string>): Promise<DiskUsage> {
  const total = { bytes: 0, inodes: 0 };
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`;
    const stat = await lstat(path).catch(() => undefined);
    if (!stat) continue;
    const inode = `${stat.dev}:${stat.ino}`;
    if (stat.nlink > 1 && !stat.isDirectory()) {
      if (seen.has(inode)) continue;
      seen.add(inode);
    }
    total.bytes += stat.blocks * BLOCK;
    total.inodes++;
    if (!stat.isDirectory()) continue;
    const below = await walk(path, seen);
    total.bytes += below.bytes;
    total.inodes += below.inodes;
  }
  return total;
}
