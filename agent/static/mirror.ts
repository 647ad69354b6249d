// The images of static pods in the API: made, made again when somebody deletes them, removed with their files.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { backoffMs, type Clock, type Logger } from '../../kit/run/index.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const HASH = 'kubernetes.io/config.hash';

/** Of the pod of a file whose image in the API this is; undefined: it is none. */
export const mirroredUid = (pod: Pod): string | undefined => pod.metadata.annotations?.[MIRROR];

export const isMirror = (pod: Pod): boolean => mirroredUid(pod) !== undefined;

export interface MirrorPodsOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  nodeName: string;
  signal: AbortSignal;
  /** What the API has: pods of this node by `namespace/name`. */
  seen(key: string): Pod | undefined;
  /** Mirrors among them. */
  mirrors(): Pod[];
}

export class MirrorPods {
  readonly #options: MirrorPodsOptions;
  #wanted: ReadonlyMap<string, Pod> = new Map();
  #running: Promise<void> | undefined;
  #isStale = false;

  constructor(options: MirrorPodsOptions) {
    this.#options = options;
  }

  /** The static pods, by uid. */
  want(pods: ReadonlyMap<string, Pod>): void {
    this.#wanted = pods;
    this.sync();
  }

  /** Compares, and goes on until the API has what is wanted. Called whenever a mirror has changed. */
  sync(): void {
    this.#isStale = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    for (let failures = 0; this.#isStale && !signal.aborted; ) {
      this.#isStale = false;
      try {
        await this.#once();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ err: error }, 'mirror pods not written');
        this.#isStale = true;
        await clock.sleep(backoffMs(++failures, 50, 10_000), signal).catch(() => {});
      }
    }
  }

  async #once(): Promise<void> {
    const { client, mirrors, nodeName, seen } = this.#options;
    for (const mirror of mirrors()) {
      const own = this.#wanted.get(mirroredUid(mirror) ?? '');
      if (!own || mirror.metadata.deletionTimestamp) await this.#delete(mirror);
    }
    const missing = [...this.#wanted.values()].filter((pod) => {
      const there = seen(`${pod.metadata.namespace}/${pod.metadata.name}`);
      return !there || mirroredUid(there) !== pod.metadata.uid;
    });
    if (missing.length === 0) return;
    const node = await client.get<KubeObject>(RESOURCES.nodes, nodeName);
    for (const pod of missing) {
      try {
        await client.create(RESOURCES.pods, mirrorOf(pod, { name: nodeName, uid: node.metadata.uid ?? '' }), {
          namespace: pod.metadata.namespace ?? '',
        });
      } catch (error) {
        if (!isStatusError(error, 'AlreadyExists')) throw error; // the watch will show it, or its end
      }
    }
  }

  async #delete({ metadata: { name = '', namespace = '', uid = '' } }: Pod): Promise<void> {
    try {
      await this.#options.client.delete(RESOURCES.pods, name, { namespace, gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
  }
}

/** Pure. */
export function mirrorOf(pod: Pod, node: { name: string; uid: string }): KubeObject {
  const { uid, ...metadata } = pod.metadata;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid, controller: true }];
  const annotations = { ...metadata.annotations, [MIRROR]: metadata.annotations?.[HASH] ?? uid ?? '' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, annotations, ownerReferences }, spec: pod.spec } as KubeObject;
}
