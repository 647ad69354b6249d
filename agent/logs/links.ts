// `<pod>_<namespace>_<container>-<id>.log` for every container in one folder: what log collectors read.
import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Logger, neverFails, type Service } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';

/** After the runtime's events have failed. */
const AGAIN_MS = 1000;
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

async function follow({ cri, clock, log, folder }: LogLinksOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const links = new Links(folder);
      const events = cri.events(signal); // before the first look, so that nothing falls in between
      await links.start(await cri.listContainers());
      for await (const { type, containerId } of events) {
        if (type === 'removed') await links.remove(containerId);
        else if (type === 'started') for (const record of await cri.listContainers({ id: containerId })) await links.add(record);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, 'links of container logs not kept');
      await clock.sleep(AGAIN_MS, signal).catch(() => {});
    }
  }
}

/** Only links are touched: whatever else is in the folder is not ours. */
class Links {
  readonly #folder: string;
  /** Name of the link by container. */
  readonly #names = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** These containers and no others have links from now on. */
  async start(records: readonly ContainerStatus[]): Promise<void> {
    const targets = new Map(records.filter(hasLog).map((record) => [linkName(record), record.logPath]));
    for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
      if (!entry.isSymbolicLink()) continue;
      const path = join(this.#folder, entry.name);
      const target = await readlink(path).catch(() => undefined);
      if (target === undefined || targets.get(entry.name) !== target) await rm(path, { force: true });
    }
    for (const record of records) await this.add(record);
  }

  async add(record: ContainerStatus): Promise<void> {
    if (!hasLog(record)) return;
    const name = linkName(record);
    this.#names.set(record.id, name);
    await symlink(record.logPath, join(this.#folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }

  async remove(containerId: string): Promise<void> {
    const name = this.#names.get(containerId);
    this.#names.delete(containerId);
    if (name !== undefined) await rm(join(this.#folder, name), { force: true });
  }
}

const hasLog = ({ startedAtMs, logPath }: ContainerStatus): boolean => startedAtMs > 0 && logPath !== '';

/** Pure. As upstream names them; cut to what a file system takes. */
export function linkName({ id, metadata, labels }: Pick<ContainerStatus, 'id' | 'metadata' | 'labels'>): string {
  const pod = `${labels['io.kubernetes.pod.name']}_${labels['io.kubernetes.pod.namespace']}`;
  return `${`${pod}_${metadata.name}-${id}`.slice(0, NAME_MAX - '.log'.length)}.log`;
}
