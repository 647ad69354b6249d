// Folders of this node that are volumes of the built-in class: made when a pod first needs them, removed when their volume goes.
// The volume's finalizer is put on after the folder is there and taken off after it is gone, so that a crash leaves nothing behind.
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, createInformer, RESOURCES } from '../../kit/client/index.ts';
import { LOCAL_PATH_FINALIZER, LOCAL_PATH_FOLDER, localPathNode } from '../../kit/placement/index.ts';
import { type Clock, type Logger, neverFails, type Service, untilItSucceeds } from '../../kit/run/index.ts';
import { VolumeProblem } from './payload.ts';

type VolumeObject = PersistentVolume & KubeObject;

/** A folder that is being removed is renamed first: after a crash it is known by its name. */
const GOING = '.going';

export interface LocalPathsOptions {
  client: Client;
  nodeName: string;
  /** Holds one folder a volume, named as the volume. */
  folder: string;
  clock: Clock;
  log: Logger;
}

export class LocalPaths {
  readonly #options: LocalPathsOptions;
  readonly #stop = new AbortController();
  /** Ends the watch of a volume, by its name. */
  readonly #followed = new Map<string, AbortController>();
  readonly #going = new Set<string>();

  constructor(options: LocalPathsOptions) {
    this.#options = options;
  }

  get service(): Service {
    return {
      name: 'local-path volumes',
      start: async () => {
        await this.#start();
        return { failed: neverFails, stop: async () => this.#stop.abort() };
      },
    };
  }

  isOurs(volume: PersistentVolume): boolean {
    return localPathNode(volume) === this.#options.nodeName;
  }

  /** The volume's folder, made and held. Safe to repeat. @throws VolumeProblem when the volume is on its way out */
  async make(volume: VolumeObject): Promise<string> {
    const name = volume.metadata.name ?? '';
    const path = join(this.#options.folder, name);
    if (volume.spec?.local?.path !== path || !/^[a-z0-9][a-z0-9.-]*$/.test(name) || name.endsWith(GOING))
      throw new VolumeProblem(`path "${volume.spec?.local?.path}" is not this node's folder for the volume`);
    if (volume.metadata.deletionTimestamp) throw new VolumeProblem(`PV ${name} is being deleted`);
    if (await mkdir(path, { recursive: true })) await chmod(path, 0o777);
    if (!volume.metadata.finalizers?.includes(LOCAL_PATH_FINALIZER)) await this.#hold(name, true);
    this.#follow(name);
    return path;
  }

  async #start(): Promise<void> {
    const { client, folder, log, nodeName } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o711 });
    await client.patch(RESOURCES.nodes, nodeName, 'merge', { metadata: { annotations: { [LOCAL_PATH_FOLDER]: folder } } });
    for (const name of await readdir(folder)) {
      if (name.endsWith(GOING)) this.#beginRemoval(name.slice(0, -GOING.length));
      else this.#follow(name);
    }
    log.debug({ volumes: this.#followed.size }, 'local volumes followed');
  }

  #follow(name: string): void {
    if (this.#followed.has(name)) return;
    const stop = new AbortController();
    this.#followed.set(name, stop);
    const signal = AbortSignal.any([stop.signal, this.#stop.signal]);
    const onError = (error: unknown) => {
      this.#options.log.debug({ err: error, volume: name }, 'watch of a local volume failed');
      if (isStatusError(error, 'Forbidden')) this.#forget(name); // the volume is gone: its folder was to be kept
    };
    const scope = { fieldSelector: `metadata.name=${name}` };
    const informer = createInformer<VolumeObject>(this.#options.client, RESOURCES.persistentvolumes, scope, { signal, onError });
    const seen = (volume: VolumeObject) => this.#look(volume);
    informer.on({ added: seen, updated: (_, volume) => seen(volume), deleted: () => this.#forget(name) });
    informer.synced.catch(() => {}); // ended before it began
  }

  #forget(name: string): void {
    this.#followed.get(name)?.abort();
    this.#followed.delete(name);
  }

  /** Waits for the volume's other keepers: while it is bound, pods may still use the folder. */
  #look({ metadata, spec, status }: VolumeObject): void {
    const name = metadata.name ?? '';
    if (!metadata.deletionTimestamp || status?.phase === 'Bound') return;
    if (metadata.finalizers?.some((finalizer) => finalizer === 'kubernetes.io/pv-protection')) return;
    if (spec?.persistentVolumeReclaimPolicy === 'Delete') this.#beginRemoval(name);
    else
      void this.#hold(name, false).catch((error: unknown) =>
        this.#options.log.warn({ err: error, volume: name }, 'retained volume not released'),
      );
  }

  #beginRemoval(name: string): void {
    if (this.#going.has(name)) return;
    this.#going.add(name);
    void this.#remove(name)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#options.log.error({ err: error, volume: name }, 'local volume not removed');
      })
      .finally(() => this.#going.delete(name));
  }

  /** Tries until it is done or the agent stops. */
  async #remove(name: string): Promise<void> {
    const { clock, folder, log } = this.#options;
    const path = join(folder, name);
    const going = `${path}${GOING}`;
    const onFailure = (error: unknown) => log.warn({ err: error, volume: name }, 'local volume not removed yet');
    await untilItSucceeds({ baseMs: 500, maxMs: 60_000, clock, signal: this.#stop.signal, onFailure }, async () => {
      if (await stat(path).catch(() => undefined)) await rename(path, going);
      for (const entry of await readdir(going)) await rm(join(going, entry), { recursive: true, force: true });
      await this.#hold(name, false);
      await rm(going, { recursive: true, force: true });
      this.#forget(name);
    });
  }

  /** Puts the finalizer on or takes it off. Of a volume that is gone there is nothing to take off. */
  async #hold(name: string, isHeld: boolean): Promise<void> {
    const { client } = this.#options;
    try {
      const { metadata } = await client.get<VolumeObject>(RESOURCES.persistentvolumes, name);
      const others = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== LOCAL_PATH_FINALIZER);
      const finalizers = isHeld ? [...others, LOCAL_PATH_FINALIZER] : others;
      if (finalizers.length === (metadata.finalizers ?? []).length) return;
      const patch = { metadata: { resourceVersion: metadata.resourceVersion, finalizers: finalizers.length > 0 ? finalizers : null } };
      await client.patch(RESOURCES.persistentvolumes, name, 'merge', patch);
    } catch (error) {
      // Who asks for a volume that is not there is told that it is none of its own.
      if (isHeld || !(isStatusError(error, 'NotFound') || isStatusError(error, 'Forbidden'))) throw error;
    }
  }
}
