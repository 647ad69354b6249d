// The pods of files of this node: each runs as a pod of the API does, and has its mirror there.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import type { Client, Informer } from '../../kit/client/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import { isMirror, MirrorPods, mirroredUid, type StaticFiles, staticFiles } from '../static/index.ts';
import type { PodWorker } from './worker.ts';

export interface FilePodsOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  nodeName: string;
  signal: AbortSignal;
  /** Undefined: none. */
  folder: string | undefined;
  /** Pods of this node as the API has them. */
  informer: Informer<Pod & KubeObject>;
  /** Of all pods that run here, by uid. */
  workers: ReadonlyMap<string, PodWorker>;
  /** Runs a pod that a file asks for, or has it refused. */
  run(pod: Pod & KubeObject): void | Promise<void>;
  remove(uid: string): void;
}

export class FilePods {
  readonly #options: FilePodsOptions;
  readonly #mirrors: MirrorPods;
  #pods: ReadonlyMap<string, Pod> = new Map();
  #files: StaticFiles | undefined;

  constructor(options: FilePodsOptions) {
    this.#options = options;
    const { informer } = options;
    this.#mirrors = new MirrorPods({
      ...options,
      seen: (key) => informer.get(key),
      mirrors: () => informer.list().filter(isMirror),
    });
  }

  async start(): Promise<void> {
    const { folder, log, nodeName } = this.#options;
    if (folder !== undefined) this.#files = await staticFiles({ folder, nodeName, log, onPods: (pods) => this.#follow(pods) });
  }

  stop(): void {
    this.#files?.stop();
  }

  list(): Pod[] {
    return [...this.#pods.values()];
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  /** To be called once the API was heard: what it lacks is made there. */
  mirror(): void {
    this.#mirrors.want(this.#pods);
  }

  mirrorSeen(mirror: Pod): void {
    this.#options.workers.get(mirroredUid(mirror) ?? '')?.mirrored(mirror);
    this.#mirrors.sync();
  }

  mirrorGone(): void {
    this.#mirrors.sync();
  }

  /** What is no longer in the folder ends, what is new there starts; a changed file is both. */
  #follow(pods: ReadonlyMap<string, Pod>): void {
    const before = this.#pods;
    this.#pods = pods;
    for (const uid of before.keys()) if (!pods.has(uid)) this.#options.remove(uid);
    for (const [uid, pod] of pods) if (!before.has(uid)) this.#runWhenFree(uid, pod as Pod & KubeObject);
    this.#mirrors.want(pods);
  }

  /** The one that had this name before ends first. */
  #runWhenFree(uid: string, pod: Pod & KubeObject): void {
    const { clock, informer, log, run, signal, workers } = this.#options;
    const holder = () =>
      [...workers.values()].some(
        ({ pod: { metadata } }) =>
          metadata.name === pod.metadata.name && metadata.namespace === pod.metadata.namespace && metadata.uid !== uid,
      );
    void (async () => {
      while (holder()) await clock.sleep(100, signal);
      if (!this.#pods.has(uid)) return;
      await run(pod);
      for (const mirror of informer.list()) if (isMirror(mirror)) this.mirrorSeen(mirror); // it may have been here first
    })().catch((error: unknown) => {
      if (!signal.aborted) log.error({ err: error, pod: pod.metadata.name }, 'static pod not started');
    });
  }
}
