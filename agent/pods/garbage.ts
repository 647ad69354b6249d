// What pods leave behind although they clean up after themselves: after a kill -9 in between, or on a runtime that failed once.
// As kubelet's container garbage collection: one dead container a name, no sandbox without a use, no logs of pods that are gone.
import { glob, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { step } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri, PodSandboxStatus } from '../cri/index.ts';
import { POD_UID_LABEL } from './names.ts';
import { hasExited } from './step.ts';

/** kubelet's ContainerGCPeriod. */
export const GARBAGE_EVERY_MS = 60_000;

/** Kept of each container of a pod for lastState and `logs --previous` (kubelet's maximum-dead-containers-per-container). */
const DEAD_MAX = 1;

export interface Garbage {
  containers: ContainerStatus[];
  sandboxes: PodSandboxStatus[];
}

/** `isKnown`: whether a pod of that uid has a worker, which looks after its end itself. Of clients other than this agent nothing is touched. Pure. */
export function garbageOf(
  records: readonly ContainerStatus[],
  sandboxes: readonly PodSandboxStatus[],
  isKnown: (uid: string) => boolean,
): Garbage {
  const dead = new Map<string, ContainerStatus[]>();
  for (const record of records)
    if (hasExited(record) && record.labels[POD_UID_LABEL] === record.podUid) {
      const unit = `${record.podUid}/${record.metadata.name}`;
      dead.set(unit, [...(dead.get(unit) ?? []), record]);
    }
  const containers = [...dead.values()].flatMap((unit) =>
    unit
      .sort((a, b) => b.metadata.attempt - a.metadata.attempt || b.createdAtMs - a.createdAtMs)
      .slice(isKnown(unit[0]!.podUid) ? DEAD_MAX : 0),
  );
  const gone = new Set(containers.map(({ id }) => id));
  const inUse = new Set(records.filter(({ id }) => !gone.has(id)).map(({ sandboxId }) => sandboxId));
  const newest = new Map<string, PodSandboxStatus>();
  for (const sandbox of sandboxes) {
    const { uid, attempt } = sandbox.metadata;
    if (attempt >= (newest.get(uid)?.metadata.attempt ?? -1)) newest.set(uid, sandbox);
  }
  return {
    containers,
    sandboxes: sandboxes.filter(
      (sandbox) =>
        sandbox.state === 'notready' &&
        sandbox.labels[POD_UID_LABEL] === sandbox.metadata.uid &&
        !inUse.has(sandbox.id) &&
        !(isKnown(sandbox.metadata.uid) && newest.get(sandbox.metadata.uid) === sandbox),
    ),
  };
}

/** A container with all its logs, the rotated ones too. Safe to repeat. */
export async function forgetContainer(
  cri: Pick<Cri, 'removeContainer'>,
  { id, logPath }: Pick<ContainerStatus, 'id' | 'logPath'>,
): Promise<void> {
  await step('container.forget', () => cri.removeContainer(id));
  if (logPath === '') return;
  await rm(logPath, { force: true });
  for await (const rotated of glob(`${logPath}.*`)) await rm(rotated, { force: true });
}

/** Folders below `logDir` of pods for which `isKnown` says no. Pure, but for the names it is given. */
export const strayLogFolders = (names: readonly string[], isKnown: (uid: string) => boolean): string[] =>
  names.filter((name) => {
    const uid = /^[^_]+_[^_]+_([^_]+)$/.exec(name)?.[1];
    return uid !== undefined && !isKnown(uid);
  });

/** One round. */
export async function collectGarbage(cri: Cri, logDir: string, isKnown: (uid: string) => boolean): Promise<void> {
  const [records, sandboxes] = await Promise.all([cri.listContainers(), cri.listPodSandbox()]);
  const garbage = garbageOf(records, sandboxes, isKnown);
  for (const record of garbage.containers) await forgetContainer(cri, record);
  for (const { id } of garbage.sandboxes) await cri.removePodSandbox(id);
  const left = new Set((await cri.listPodSandbox()).map(({ metadata }) => metadata.uid));
  const names = await readdir(logDir).catch(() => []);
  for (const name of strayLogFolders(names, (uid) => isKnown(uid) || left.has(uid)))
    await rm(join(logDir, name), { recursive: true, force: true });
}
