// `<pod>_<namespace>_<container>-<id>.log` for every container in one folder: what log collectors read.
import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Logger, neverFails, type Service } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';

/** After the runtime's events have failed. */
const AGAIN_MS = 1000;
/** A bunch of containers that start together is one look. */
const GATHER_MS = 20;
const NAME_MAX = 255;

export interface LogLinksOptions {
  cri: Cri;
  clock: Clock;
  log: Logger;
  folder: string;
}

/** Follows the runtime: a link for each container that has been started and is still known. */
export function containerLogLinks(options: LogLinksOptions): Service {
  return {
    name: 'container log links',
    async start() {
      const stop = new AbortController();
      await mkdir(options.folder, { recursive: true });
      void follow(options, stop.signal);
      return { failed: neverFails, stop: async () => stop.abort() };
    },
  };
}

async function follow(options: LogLinksOptions, signal: AbortSignal): Promise<void> {
  const { cri, clock, log } = options;
  while (!signal.aborted) {
    try {
      const events = cri.events(signal); // before the first look, so that nothing falls in between
      await syncLinks(options);
      for await (const { type } of events) {
        if (type !== 'started' && type !== 'removed') continue;
        await clock.sleep(GATHER_MS, signal);
        await syncLinks(options);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, 'links of container logs not kept');
      await clock.sleep(AGAIN_MS, signal).catch(() => {});
    }
  }
}

/** Only links are touched: whatever else is in the folder is not ours. */
async function syncLinks({ cri, folder }: LogLinksOptions): Promise<void> {
  const wanted = new Map<string, string>();
  for (const record of await cri.listContainers())
    if (record.startedAtMs > 0 && record.logPath !== '') wanted.set(linkName(record), record.logPath);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const path = join(folder, entry.name);
    const target = await readlink(path).catch(() => undefined);
    if (target !== undefined && wanted.get(entry.name) === target) wanted.delete(entry.name);
    else await rm(path, { force: true });
  }
  for (const [name, target] of wanted) await symlink(target, join(folder, name));
}

/** Pure. As upstream names them; cut to what a file system takes. */
export function linkName({ id, metadata, labels }: Pick<ContainerStatus, 'id' | 'metadata' | 'labels'>): string {
  const pod = `${labels['io.kubernetes.pod.name']}_${labels['io.kubernetes.pod.namespace']}`;
  return `${`${pod}_${metadata.name}-${id}`.slice(0, NAME_MAX - '.log'.length)}.log`;
}
