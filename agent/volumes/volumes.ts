// The volumes of this node's pods: set up before their containers start, kept fresh while they run, removed with them.
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, Pod, Volume } from '../../api/gen/types/core.v1.ts';
import { toInteger } from '../../api/meta/index.ts';
import type { Client, EventRecorder } from '../../kit/client/index.ts';
import type { FsUsage } from '../../kit/fs/index.ts';
import { isMounted, mountHugePages, mountTmpfs, removeTree } from '../../kit/linux/index.ts';
import { type Clock, type Logger, step } from '../../kit/run/index.ts';
import { type ApiSources, gather, isApiVolume } from './api-volumes.ts';
import { writePayload } from './atomic-folder.ts';
import { checkNodeAffinity, claimedVolume } from './claims.ts';
import type { Drivers } from './csi/drivers.ts';
import { CsiMounts, type Published } from './csi/mounts.ts';
import type { PodPlace } from './downward.ts';
import { EXCLUSIVE, ExclusiveVolumes } from './exclusive.ts';
import { VolumeSetupError } from './failure.ts';
import { checkHostPath, checkLocal } from './host-path.ts';
import { HUGE_MEDIUM, pageBytesOf } from './huge-pages.ts';
import type { LocalPaths } from './local-path.ts';
import { ObjectCache } from './objects.ts';
import { giveToGroup } from './ownership.ts';
import { VolumeProblem } from './payload.ts';
import { bindSubPath } from './sub-path.ts';
import { Tokens } from './tokens.ts';
import { usedVolumes } from './used.ts';

/** A volume that is in memory: at most so big, and in pages of a size of their own. */
interface InMemory {
  sizeBytes?: number | undefined;
  pageBytes?: number;
}

/** In a pod's folder: one empty folder for each volume that has been given to the pod's group. */
const GIVEN = 'volumes-given';

/** What is made in such a folder gets its group. */
const SETGID = 0o2000;

export interface VolumesOptions {
  client: Client;
  /** Folder with one folder a pod, named by uid. */
  podsDir: string;
  localPaths: LocalPaths;
  drivers: Pick<Drivers, 'get' | 'recount'>;
  nodeName: string;
  /** Where CSI drivers stage volumes. */
  stagingDir: string;
  events: EventRecorder;
  clock: Clock;
  log: Logger;
  /** Something that the pod's volumes or environment show, or wait for, has changed: set up again. */
  onChange(podUid: string): void;
}

type OnFailure = (failure: VolumeSetupError) => void;

export interface PodVolumes {
  /** Path on the node by the volume's name. */
  paths: ReadonlyMap<string, string>;
  /** When `setup` should be called again (a token is due); undefined: only on a change. */
  refreshAtMs?: number;
}

export class Volumes {
  readonly objects: ObjectCache;
  readonly #options: VolumesOptions;
  readonly tokens: Tokens;
  readonly #csi: CsiMounts;
  readonly #exclusive: ExclusiveVolumes;
  /** As last seen. */
  #node: Node | undefined;

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.tokens = new Tokens(options.client, options.clock);
    const onError = (error: unknown) => options.log.debug({ err: error }, "watch of a pod's object failed");
    this.objects = new ObjectCache({ client: options.client, onChange: options.onChange, onError });
    this.#csi = new CsiMounts({ ...options, tokens: this.tokens, objects: this.objects });
    this.#exclusive = new ExclusiveVolumes(options.podsDir);
  }

  /** Makes all volumes that the pod's containers use, telling of each that fails at once. Safe to repeat. @throws VolumeSetupError */
  setup(pod: Pod, place: PodPlace, onFailure: OnFailure): Promise<PodVolumes> {
    return this.#setUp(pod, usedVolumes(pod), place, onFailure);
  }

  /** Brings those up to date that show objects of the API, and those that drivers keep. @throws VolumeSetupError */
  async refresh(pod: Pod, place: PodPlace, onFailure: OnFailure): Promise<PodVolumes> {
    const driven = new Set(await this.#csi.volumesOf(pod.metadata.uid ?? ''));
    const volumes = usedVolumes(pod).filter((volume) => isApiVolume(volume) || driven.has(volume.name));
    return this.#setUp(pod, volumes, place, onFailure);
  }

  /** Whether one of the pod's volumes cannot be attached because the node has as many as it can. */
  async exceedsLimit(pod: Pod): Promise<boolean> {
    for (const of of usedVolumes(pod)) {
      if (!of.persistentVolumeClaim && !of.ephemeral) continue;
      const { volume } = await claimedVolume(this.#options.client, pod, of);
      if (await this.#csi.exceedsLimit(volume)) return true;
    }
    return false;
  }

  /** The pod's volumes that belong to drivers, by name, as these count them; undefined: one that does not. */
  async driven(podUid: string): Promise<Map<string, FsUsage | undefined>> {
    const names = await this.#csi.volumesOf(podUid);
    return new Map(await Promise.all(names.map(async (name) => [name, await this.#csi.stats(podUid, name)] as const)));
  }

  async #setUp(pod: Pod, volumes: readonly Volume[], place: PodPlace, onFailure: OnFailure): Promise<PodVolumes> {
    const sources: ApiSources = { objects: this.objects, tokens: this.tokens, place };
    const failures: VolumeSetupError[] = [];
    const begun = volumes.map(async (volume) => {
      try {
        return [{ name: volume.name, ...(await this.#setupOne(pod, volume, sources)) }];
      } catch (error) {
        const failure = error instanceof VolumeSetupError ? error : new VolumeSetupError(volume.name, error);
        failures.push(failure);
        onFailure(failure);
        return [];
      }
    });
    const made = (await Promise.all(begun)).flat(); // all have ended before any is tried again
    if (failures[0]) throw failures[0];
    const refreshes = made.flatMap(({ refreshAtMs }) => (refreshAtMs === undefined ? [] : [refreshAtMs]));
    return {
      paths: new Map(made.map(({ name, path }) => [name, path])),
      ...(refreshes.length > 0 ? { refreshAtMs: Math.min(...refreshes) } : {}),
    };
  }

  /** Binds a part of a volume for one mount of a container. @throws VolumeProblem when it leads out of the volume */
  bindSubPath(podUid: string, volume: string, volumePath: string, container: string, mountIndex: number, subPath: string): Promise<string> {
    const target = join(this.#options.podsDir, podUid, 'volume-subpaths', volume, container, String(mountIndex));
    return bindSubPath(volumePath, subPath, target);
  }

  /** The pod has ended but stays in the API: its volumes go, its other files stay. Safe to repeat. */
  async unmount(podUid: string): Promise<void> {
    this.objects.release(podUid);
    this.tokens.forget(podUid);
    await this.#csi.tearDown(podUid);
    for (const part of ['volume-subpaths', 'volumes', GIVEN, EXCLUSIVE]) {
      const folder = join(this.#options.podsDir, podUid, part);
      if (await stat(folder).catch(() => undefined)) await removeTree(folder); // asking is cheaper than the table of mounts
    }
  }

  /** What an earlier life of the agent has left here. */
  recover(): Promise<void> {
    return this.#csi.recover();
  }

  /** The node as the API has it now. */
  nodeSeen(node: Node): void {
    this.#node = node;
    this.#csi.nodeSeen(node);
  }

  /** Removes the pod's whole folder with all mounts in it, and ends its watches. Safe to repeat. */
  async teardown(podUid: string): Promise<void> {
    this.objects.release(podUid);
    this.tokens.forget(podUid);
    await this.#csi.tearDown(podUid);
    await removeTree(join(this.#options.podsDir, podUid));
  }

  /** Uids of pods that have a folder here, also from an earlier life of the agent. */
  async known(): Promise<string[]> {
    return readdir(this.#options.podsDir).catch(() => []);
  }

  close(): void {
    this.objects.close();
  }

  async #setupOne(pod: Pod, volume: Volume, sources: ApiSources): Promise<Published> {
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath) return { path: await checkHostPath(volume.hostPath) };
    if (volume.persistentVolumeClaim || volume.ephemeral) return this.#persistent(pod, volume);
    if (volume.csi) return this.#csi.setUpInline(pod, volume);
    if (volume.image) return { path: '' }; // the runtime mounts it
    if (volume.emptyDir) return { path: this.#emptyDir(pod, volume, sources.place, fsGroup) };
    if (!isApiVolume(volume))
      throw new VolumeProblem(`volume type ${Object.keys(volume).find((key) => key !== 'name') ?? '?'} is not supported`);
    // Read what to show before anything is made, so that a missing object leaves nothing behind.
    const { payload, renewAtMs } = await gather(pod, volume, sources);
    const path = this.#folder(pod, volume, fsGroup, volume.configMap ? undefined : { sizeBytes: sources.place.memoryBytes });
    writePayload(path, payload, fsGroup === undefined ? {} : { fsGroup }, this.#options.clock.nowMs());
    return { path, ...(renewAtMs === undefined ? {} : { refreshAtMs: renewAtMs }) };
  }

  /** A volume behind a claim is told about by its own name. */
  async #persistent(pod: Pod, of: Volume): Promise<Published> {
    const { client, localPaths, nodeName } = this.#options;
    const claimed = await claimedVolume(client, pod, of);
    const { volume } = claimed;
    const isBlock = volume.spec?.volumeMode === 'Block';
    try {
      checkNodeAffinity(volume, this.#node, nodeName);
      await this.#exclusive.claim(pod.metadata.uid ?? '', volume);
      if (volume.spec?.hostPath) return { path: await checkHostPath(volume.spec.hostPath) };
      if (volume.spec?.csi) return await this.#csi.setUpPersistent(pod, of, claimed);
      if (!volume.spec?.local) throw new VolumeProblem('this node has no plugin for volumes of its type', 'NewMounter');
      const path = localPaths.isOurs(volume) ? await localPaths.make(volume) : await checkLocal(volume.spec.local.path, isBlock);
      if (!isBlock) await this.#giveOnce(pod, of.name, path);
      return { path };
    } catch (error) {
      if (error instanceof VolumeProblem && error.stage === 'attach') throw error; // told under the name that the pod gives it
      throw new VolumeSetupError(volume.metadata.name ?? '', error, isBlock);
    }
  }

  /** Once a pod, whatever becomes of the agent: later on modes are the containers' business. */
  async #giveOnce(pod: Pod, name: string, path: string): Promise<void> {
    const { fsGroup, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
    const mark = join(this.#options.podsDir, pod.metadata.uid ?? '', GIVEN, name);
    if (fsGroup === undefined || (await stat(mark).catch(() => undefined))) return;
    await giveToGroup(path, fsGroup, fsGroupChangePolicy);
    await mkdir(mark, { recursive: true });
  }

  #emptyDir(pod: Pod, volume: Volume, { memoryBytes }: PodPlace, fsGroup: number | undefined): string {
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    const limit = Number(toInteger(sizeLimit ?? '0')) || undefined;
    if (medium?.startsWith(HUGE_MEDIUM))
      return this.#folder(pod, volume, fsGroup, { sizeBytes: limit, pageBytes: pageBytesOf(medium, pod) });
    const sizeBytes = limit !== undefined && memoryBytes !== undefined ? Math.min(limit, memoryBytes) : (limit ?? memoryBytes);
    return this.#folder(pod, volume, fsGroup, medium === 'Memory' ? { sizeBytes } : undefined);
  }

  /**
   * The volume's own folder, open to all users; in memory when `memory` is given, there in huge pages with `pageBytes`. It is there as a whole,
   * whenever an agent was killed: later on owner and modes are the containers' business.
   */
  #folder(pod: Pod, volume: Volume, fsGroup: number | undefined, memory: InMemory | undefined): string {
    const folder = join(this.#options.podsDir, pod.metadata.uid ?? '', 'volumes');
    const path = join(folder, volume.name);
    const mode = (memory ? 0o1777 : 0o777) | (fsGroup === undefined ? 0 : SETGID);
    if (memory) {
      mkdirSync(path, { recursive: true });
      const root = { mode, ...(fsGroup === undefined ? {} : { gid: fsGroup }) };
      if (!isMounted(path)) step('volumes.memory', () => mountMemory(path, memory, root));
    } else if (!existsSync(path)) {
      const aside = join(folder, `.new-${volume.name}`); // no volume has such a name
      mkdirSync(aside, { recursive: true });
      if (fsGroup !== undefined) chownSync(aside, 0, fsGroup);
      chmodSync(aside, mode);
      step('volumes.folder', () => renameSync(aside, path));
    }
    return path;
  }
}

function mountMemory(path: string, { pageBytes, ...size }: InMemory, root: { mode: number; gid?: number }): void {
  if (pageBytes === undefined) {
    mountTmpfs(path, { ...size, ...root, staysInMemory: true });
    return;
  }
  mountHugePages(path, pageBytes, { ...size, ...root });
  if (root.mode & SETGID) chmodSync(path, root.mode); // which it takes no word of
}
