// How full a volume is, as its driver counts.
import type { FsUsage } from '../../../kit/fs/index.ts';
import type { Asked } from './asked.ts';
import { call } from './wire.ts';

interface Figure {
  unit: 'BYTES' | 'INODES' | 'UNKNOWN';
  available: number;
  total: number;
  used: number;
}

const TIMEOUT_MS = 10_000;

/** What it does not count is 0. Undefined: the driver does not answer. */
export async function volumeFigures(socket: string, { handle, target, staging }: Asked): Promise<FsUsage | undefined> {
  const request = { volumeId: handle, volumePath: target, ...(staging ? { stagingTargetPath: staging } : {}) };
  const answer = call<{ usage: Figure[] }>(socket, 'csi.v1.Node', 'NodeGetVolumeStats', request, TIMEOUT_MS);
  const usage = (await answer.catch(() => undefined))?.usage;
  if (!usage) return undefined;
  const bytes = usage.find(({ unit }) => unit === 'BYTES');
  const inodes = usage.find(({ unit }) => unit === 'INODES');
  return {
    capacityBytes: bytes?.total ?? 0,
    availableBytes: bytes?.available ?? 0,
    usedBytes: bytes?.used ?? 0,
    inodes: inodes?.total ?? 0,
    inodesFree: inodes?.available ?? 0,
    inodesUsed: inodes?.used ?? 0,
  };
}
