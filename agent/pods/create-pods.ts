// The pods of this node as the rest of the agent sees them.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Family } from '../../kit/metrics/index.ts';
import { neverFails, type Service } from '../../kit/run/index.ts';
import type { Volumes } from '../volumes/index.ts';
import { NodePods, type PodsOptions } from './pods.ts';
import type { NodeVerdict } from './room-maker.ts';
import type { PodStart } from './starts.ts';

export interface Pods {
  /** Takes over what runs, and runs the pods of files: needs no API server. */
  readonly service: Service;
  /** Runs the pods that are bound to this node. */
  readonly fromApi: Service;
  /** Of this node, as last seen. */
  list(): Pod[];
  /** Ends a pod for the sake of the node: Failed, with a condition that says so and an event. */
  evict(uid: string, verdict: NodeVerdict): void;
  /** The same without an event: the node has said it of itself. */
  end(uid: string, verdict: NodeVerdict): void;
  get(namespace: string, name: string): Pod | undefined;
  /** Uids of the pods whose devices are not free; undefined while they are not all known. */
  deviceHolders(): ReadonlySet<string> | undefined;
  /** A pod's volumes that belong to CSI drivers, with what these count. */
  drivenVolumes: Volumes['driven'];
  readonly families: readonly Family[];
  /** How the last ones started. */
  starts(): readonly PodStart[];
}

export function createPods(options: PodsOptions): Pods {
  const pods = new NodePods(options);
  return {
    service: {
      name: 'pods',
      start: async () => {
        await pods.start();
        return { failed: neverFails, stop: async () => pods.stop() };
      },
    },
    fromApi: {
      name: 'pods of the API',
      start: async () => {
        await pods.startFromApi();
        return { failed: neverFails, stop: async () => {} };
      },
    },
    list: () => pods.list(),
    evict: (uid, verdict) => pods.evict(uid, verdict),
    end: (uid, verdict) => pods.end(uid, verdict),
    get: (namespace, name) => pods.get(`${namespace}/${name}`),
    deviceHolders: () => pods.holders(),
    drivenVolumes: (uid) => pods.drivenVolumes(uid),
    families: [...pods.roomMaker.families, ...pods.starts.families],
    starts: () => pods.starts.list(),
  };
}
