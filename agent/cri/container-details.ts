// What a running container uses, in the detail of cAdvisor's metrics: its cgroup, its processes' files, its file system.
import { readdirSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { cgroupMetrics, cgroups } from '../../kit/linux/index.ts';
import { type CriContext, containerCgroup, mustContainer } from './context.ts';
import type { ContainerDetails } from './cri.ts';

export function containerDetails(context: CriContext, id: string): ContainerDetails {
  const record = mustContainer(context, id);
  const path = containerCgroup(context, record);
  const files = processFiles(cgroups().pids(path));
  const disk = statfsSync(context.containers.folder(id));
  const { pid } = { pid: 0, ...context.runtime.state(id) };
  return {
    ...cgroupMetrics(path),
    ...files,
    startedAtMs: record.startedAtMs ?? 0,
    openFilesSoftLimit: softLimit(pid),
    fileSystem: { bytes: disk.blocks * disk.bsize, inodes: disk.files, inodesFree: disk.ffree },
  };
}

/** Threads and open files of the processes together. What ends meanwhile counts nothing. */
function processFiles(pids: readonly number[]): { threads: number; fileDescriptors: number; sockets: number } {
  const total = { threads: 0, fileDescriptors: 0, sockets: 0 };
  for (const pid of pids) {
    try {
      total.threads += readdirSync(`/proc/${pid}/task`).length;
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        total.fileDescriptors++;
        if (readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')) total.sockets++;
      }
    } catch {
      // it has ended, or the file was closed
    }
  }
  return total;
}

function softLimit(pid: number): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
