// What a file system has, and what of it is taken.
import { statfs } from 'node:fs/promises';

export interface FsUsage {
  capacityBytes: number;
  availableBytes: number;
  usedBytes: number;
  inodes: number;
  inodesFree: number;
  inodesUsed: number;
}

/** Of the file system that `path` is on. A file system that counts no inodes has 0 of them. */
export async function fsUsage(path: string): Promise<FsUsage> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(path);
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  };
}
