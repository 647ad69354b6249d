// What runs and lies here for pods that were deleted while the agent was away.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';
import type { Volumes } from '../volumes/index.ts';
import { GRACE_ANNOTATION } from './names.ts';

export interface OrphanTools {
  cri: Cri;
  volumes: Volumes;
  podsDir: string;
  logDir: string;
  log: Logger;
  signal: AbortSignal;
  /** Whether a pod of that uid has a worker, which looks after its end itself. */
  isKnown(uid: string): boolean;
}

/** Does not wait for the containers: each has its pod's grace. */
export async function removeOrphans({ cri, isKnown, log, logDir, podsDir, signal, volumes }: OrphanTools): Promise<void> {
  const orphans = (await cri.listPodSandbox()).filter(({ metadata }) => !isKnown(metadata.uid));
  for (const { id, metadata, annotations } of orphans) {
    void (async () => {
      const graceMs = Number(annotations[GRACE_ANNOTATION] ?? 30) * 1000;
      const running = await cri.listContainers({ sandboxId: id, state: 'running' });
      await Promise.all(running.map((container) => cri.stopContainer(container.id, graceMs)));
      await cri.removePodSandbox(id);
      if (isKnown(metadata.uid)) return;
      await volumes.teardown(metadata.uid);
      await rm(join(logDir, `${metadata.namespace}_${metadata.name}_${metadata.uid}`), { recursive: true, force: true });
    })().catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error, pod: `${metadata.namespace}/${metadata.name}` }, 'orphaned pod not removed');
    });
  }
  const withSandbox = new Set(orphans.map(({ metadata }) => metadata.uid));
  for (const uid of await readdir(podsDir).catch(() => []))
    if (!isKnown(uid) && !withSandbox.has(uid))
      await volumes.teardown(uid).catch((error: unknown) => log.warn({ err: error, uid }, 'folder of a gone pod not removed'));
}
