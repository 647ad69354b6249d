// The volumes of this node's pods: set up before their containers start, kept fresh while they run, removed with them.
import { chmod, chown, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';
import { toInteger } from '../../api/meta/index.ts';
import type { Client } from '../../kit/client/index.ts';
import { isMounted, mountTmpfs, removeTree } from '../../kit/linux/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import { type ApiSources, gather, isApiVolume } from './api-volumes.ts';
import { writePayload } from './atomic-folder.ts';
import type { PodPlace } from './downward.ts';
import { checkHostPath } from './host-path.ts';
import { ObjectCache } from './objects.ts';
import { VolumeProblem } from './payload.ts';
import { claimedPath } from './persistent-volume.ts';
import { bindSubPath } from './sub-path.ts';
import { Tokens } from './tokens.ts';

export interface VolumesOptions {
  client: Client;
  /** Folder with one folder a pod, named by uid. */
  podsDir: string;
  clock: Clock;
  log: Logger;
  /** Something that the pod's volumes or environment show has changed: set up again. */
  onChange(podUid: string): void;
}

/** A volume that could not be set up: `volume` and the text of the FailedMount event. */
export class VolumeSetupError extends Error {
  readonly volume: string;
  constructor(volume: string, cause: unknown) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.volume = volume;
  }
}

export interface PodVolumes {
  /** Path on the node by the volume's name. */
  paths: ReadonlyMap<string, string>;
  /** When `setup` should be called again (a token is due); undefined: only on a change. */
  refreshAtMs?: number;
}

export class Volumes {
  readonly objects: ObjectCache;
  readonly #options: VolumesOptions;
  readonly #tokens: Tokens;

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.client, options.clock);
    const onError = (error: unknown) => options.log.debug({ err: error }, "watch of a pod's object failed");
    this.objects = new ObjectCache({ client: options.client, onChange: options.onChange, onError });
  }

  /** Makes all volumes of the pod, or brings them up to date. Safe to repeat. @throws VolumeSetupError */
  async setup(pod: Pod, place: PodPlace): Promise<PodVolumes> {
    const sources: ApiSources = { objects: this.objects, tokens: this.#tokens, place };
    const made = await Promise.all(
      (pod.spec?.volumes ?? []).map(async (volume) => {
        try {
          return { name: volume.name, ...(await this.#setupOne(pod, volume, sources)) };
        } catch (error) {
          throw new VolumeSetupError(volume.name, error);
        }
      }),
    );
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
    this.#tokens.forget(podUid);
    for (const part of ['volume-subpaths', 'volumes']) {
      const folder = join(this.#options.podsDir, podUid, part);
      if (await stat(folder).catch(() => undefined)) await removeTree(folder); // asking is cheaper than the table of mounts
    }
  }

  /** Removes the pod's whole folder with all mounts in it, and ends its watches. Safe to repeat. */
  async teardown(podUid: string): Promise<void> {
    this.objects.release(podUid);
    this.#tokens.forget(podUid);
    await removeTree(join(this.#options.podsDir, podUid));
  }

  /** Uids of pods that have a folder here, also from an earlier life of the agent. */
  async known(): Promise<string[]> {
    return readdir(this.#options.podsDir).catch(() => []);
  }

  close(): void {
    this.objects.close();
  }

  async #setupOne(pod: Pod, volume: Volume, sources: ApiSources): Promise<{ path: string; refreshAtMs?: number }> {
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath) return { path: await checkHostPath(volume.hostPath) };
    if (volume.persistentVolumeClaim) return { path: await claimedPath(this.#options.client, pod, volume.persistentVolumeClaim.claimName) };
    if (volume.emptyDir) return { path: await this.#emptyDir(pod, volume, fsGroup) };
    if (!isApiVolume(volume))
      throw new VolumeProblem(`volume type ${Object.keys(volume).find((key) => key !== 'name') ?? '?'} is not supported`);
    // Read what to show before anything is made, so that a missing object leaves nothing behind.
    const { payload, renewAtMs } = await gather(pod, volume, sources);
    const path = await this.#folder(pod, volume, fsGroup, volume.configMap ? undefined : {});
    await writePayload(path, payload, fsGroup === undefined ? {} : { fsGroup }, this.#options.clock.nowMs());
    return { path, ...(renewAtMs === undefined ? {} : { refreshAtMs: renewAtMs }) };
  }

  #emptyDir(pod: Pod, volume: Volume, fsGroup: number | undefined): Promise<string> {
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    const sizeBytes = sizeLimit === undefined ? undefined : Number(toInteger(sizeLimit));
    return this.#folder(pod, volume, fsGroup, medium === 'Memory' ? { ...(sizeBytes ? { sizeBytes } : {}) } : undefined);
  }

  /** The volume's own folder, open to all users; in memory when `tmpfs` is given. */
  async #folder(pod: Pod, volume: Volume, fsGroup: number | undefined, tmpfs: { sizeBytes?: number } | undefined): Promise<string> {
    const path = join(this.#options.podsDir, pod.metadata.uid ?? '', 'volumes', volume.name);
    const isNew = (await mkdir(path, { recursive: true })) !== undefined;
    const mounts = tmpfs !== undefined && !isMounted(path);
    if (mounts) mountTmpfs(path, { ...tmpfs, mode: 0o1777 });
    if (!isNew && !mounts) return path; // containers may have changed modes by now
    if (fsGroup !== undefined) await chown(path, 0, fsGroup);
    await chmod(path, (tmpfs ? 0o1777 : 0o777) | (fsGroup === undefined ? 0 : 0o2000));
    return path;
  }
}
