// Unpacked layers in a folder that all agents of a machine share: each unpacked once, removed when nobody wants it any more.
//   layers/<hex24>/      one unpacked layer, there when it is whole      skeletons/<hex24>   the frame of its tar
//   tmp/<process>-<id>   work in progress                               tmp/<process>-<id>.uses  layers that a pull counts on
//   tmp/<process>-<id>.<hex24>  a layer on its way out
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { identify, isAlive } from '../../kit/exec/index.ts';
import { lockFile } from '../../kit/fs/index.ts';
import { mountedByContainers, shortName } from './mounted.ts';
import { isWhole } from './skeleton.ts';
import type { TarLimits } from './tar-walker.ts';
import { putInPlace, unpackLayer } from './unpack.ts';

const LOCK_TIMEOUT_MS = 60_000;
/** The tar of a killed pull writes what it has been given, then ends. */
const ORPHANS_END = { maxRetries: 10, retryDelay: 50 };
/** A process is known by its number and its start: after a reboot numbers come again. */
const ownStart = identify(process.pid)?.startTicks ?? '';

export class Layers {
  readonly #root: string;
  readonly #limits: Partial<TarLimits>;
  /** Being unpacked by this process: an image may name a layer twice, two images the same one. */
  readonly #underWay = new Map<string, Promise<boolean>>();

  constructor(root: string, limits: Partial<TarLimits> = {}) {
    this.#root = root;
    this.#limits = limits;
  }

  get folder(): string {
    return `${this.#root}/layers`;
  }

  nameOf(diffId: string): string {
    return shortName(diffId);
  }
  has(diffId: string): boolean {
    return existsSync(`${this.folder}/${this.nameOf(diffId)}`);
  }
  skeletonOf(name: string): string {
    return `${this.#root}/skeletons/${name}`;
  }

  /** A path for work in progress, on the store's file system. The caller removes it. */
  temporary(): string {
    return `${this.#root}/tmp/${process.pid}.${ownStart}-${randomUUID()}`;
  }

  /** What killed processes left in tmp/. A layer that one was about to remove may be a container's: it had not looked yet. */
  async dropStale(): Promise<void> {
    let mounted: ReadonlySet<string> | undefined;
    for (const name of await readdir(`${this.#root}/tmp`)) {
      if (isRunning(name)) continue;
      const path = `${this.#root}/tmp/${name}`;
      const layer = /\.([0-9a-f]{24})$/.exec(name)?.[1];
      if (layer) mounted ??= mountedByContainers().layers;
      if (layer && mounted?.has(layer)) await this.#giveBack(layer, path);
      else await rm(path, { recursive: true, force: true, ...ORPHANS_END });
    }
  }

  /** When the layer has come anew meanwhile, what was taken stays where it is: a container has just that mounted. */
  async #giveBack(layer: string, path: string): Promise<void> {
    await rename(path, `${this.folder}/${layer}`).catch((error: NodeJS.ErrnoException) => {
      if (!['EEXIST', 'ENOTEMPTY', 'ENOENT'].includes(error.code ?? '')) throw error; // ENOENT: another process was faster
    });
  }

  /** False when it was there. @throws Error when the content is not what its digests say; then nothing of it stays */
  async add(diffId: string, source: () => Promise<Readable>, digest?: string): Promise<boolean> {
    const running = this.#underWay.get(diffId);
    if (running) return await running;
    const added = this.#unpack(diffId, source, digest).finally(() => this.#underWay.delete(diffId));
    this.#underWay.set(diffId, added);
    return await added;
  }

  async #unpack(diffId: string, source: () => Promise<Readable>, digest: string | undefined): Promise<boolean> {
    if (this.has(diffId) && existsSync(this.skeletonOf(this.nameOf(diffId)))) return false;
    const folder = this.temporary();
    const skeleton = `${folder}.skeleton`;
    try {
      const read = await unpackLayer(await source(), folder, skeleton, this.#limits);
      if (digest && read.digest !== digest) throw new Error(`blob ${digest} is ${read.digest}`);
      if (read.diffId !== diffId) throw new Error(`layer ${diffId} is ${read.diffId}`);
      const name = this.nameOf(diffId);
      await rename(skeleton, this.skeletonOf(name));
      await putInPlace(folder, `${this.folder}/${name}`);
      return true;
    } finally {
      await Promise.all([rm(folder, { recursive: true, force: true }), rm(skeleton, { force: true })]);
    }
  }

  /** From now until disposed the layers are not collected, whether they are there already or come now. */
  async use(diffIds: readonly string[]): Promise<AsyncDisposable> {
    const marker = `${this.temporary()}.uses`;
    await using _lock = await this.#lock();
    await writeFile(marker, JSON.stringify(diffIds.map((id) => this.nameOf(id))));
    return { [Symbol.asyncDispose]: () => rm(marker, { force: true }) };
  }

  /** Removes layers that are in no image (`ofImages` gives their names), no mount and no pull. Returns how many went. */
  async collect(ofImages: () => Promise<Iterable<string>>): Promise<number> {
    await using _lock = await this.#lock();
    const present = (await readdir(this.folder)).filter((name) => /^[0-9a-f]{24}$/.test(name));
    const wanted = new Set([...(await ofImages()), ...(await this.#markedNames())]);
    const candidates = present.filter((name) => !wanted.has(name));
    if (candidates.length === 0) return 0;
    const mounted = mountedByContainers().layers;
    const trash = new Map<string, string>();
    for (const name of candidates.filter((n) => !mounted.has(n))) {
      trash.set(name, `${this.temporary()}.${name}`);
      await rename(`${this.folder}/${name}`, trash.get(name)!);
    }
    // Out of its place nobody can mount it any more (who mounts looks afterwards whether it was there still). Who was faster keeps it.
    const late = mountedByContainers().layers;
    let removed = 0;
    for (const [name, path] of trash) {
      if (late.has(name)) {
        await this.#giveBack(name, path);
        continue;
      }
      await rm(path, { recursive: true, force: true });
      await rm(this.skeletonOf(name), { force: true });
      removed++;
    }
    return removed;
  }

  /** Removes layers that lack what they had when they were unpacked, as after a power failure. Returns their names. */
  async dropBroken(): Promise<string[]> {
    await using _lock = await this.#lock();
    const broken: string[] = [];
    for (const name of await readdir(this.folder)) {
      if (await isWhole(this.skeletonOf(name), `${this.folder}/${name}`)) continue;
      broken.push(name);
      await rm(`${this.folder}/${name}`, { recursive: true, force: true });
      await rm(this.skeletonOf(name), { force: true });
    }
    return broken;
  }

  async #markedNames(): Promise<string[]> {
    const names: string[] = [];
    for (const file of await readdir(`${this.#root}/tmp`)) {
      if (!file.endsWith('.uses') || !isRunning(file)) continue;
      const text = await readFile(`${this.#root}/tmp/${file}`, 'utf8').catch(() => '[]'); // just disposed
      names.push(...(JSON.parse(text) as string[]));
    }
    return names;
  }

  /** Between all processes that share the store; held for moments only. */
  #lock(): Promise<AsyncDisposable> {
    return lockFile(`${this.#root}/lock`, LOCK_TIMEOUT_MS);
  }
}

/** Whether the process that made this entry of tmp/ runs. */
function isRunning(entry: string): boolean {
  const [pid = '', startTicks = ''] = (entry.split('-')[0] ?? '').split('.');
  return isAlive({ pid: Number(pid), startTicks });
}
