// What a controller is and what it gets.
import { isStatusError } from '../../api/meta/index.ts';
import type { Client, EventRecorder, InformerFactory } from '../../kit/client/index.ts';
import type { KeyPair } from '../../kit/net/index.ts';
import { type Reconcile, Reconciler } from '../../kit/queue/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';

export interface ControllersConfig {
  /** Range of pod addresses, e.g. 10.244.0.0/16; each node gets a /24 of it. Absent: no ranges are given to nodes. */
  clusterCIDR?: string;
  /** Cluster IP of the DNS Service, e.g. 10.0.0.10. Absent: no cluster DNS is published. */
  clusterDNS?: string;
  /** Published in each namespace as kube-root-ca.crt. */
  rootCA: string;
  /** The authority that signs approved certificate requests. Absent: none is signed. */
  signer?: KeyPair;
}

export interface ControllerContext {
  client: Client;
  /** Shared by all controllers of the process. */
  informers: InformerFactory;
  clock: Clock;
  log: Logger;
  config: ControllersConfig;
  /** A recorder that speaks as `component`. */
  events(component: string): EventRecorder;
}

export interface Controller {
  readonly name: string;
  /**
   * Subscribes and begins to work; ends when `signal` aborts. Called before the caches are filled:
   * nothing may be read before `ready` resolves, and keys that are added wait for it.
   */
  start(context: ControllerContext, signal: AbortSignal, ready: Promise<void>): void;
}

/** A reconciler in which lost races are routine: a conflict is tried again quietly. Waits for the caches. */
export function reconcilerOf(
  name: string,
  context: ControllerContext,
  signal: AbortSignal,
  ready: Promise<void>,
  reconcile: Reconcile,
  workersMax = 16,
): Reconciler {
  return new Reconciler({
    reconcile: async (key, stop) => {
      await ready;
      return await reconcile(key, stop);
    },
    workersMax,
    signal,
    clock: context.clock,
    onError: (key, err) => {
      const routine = isStatusError(err, 'Conflict') || isStatusError(err, 'NotFound') || isStatusError(err, 'AlreadyExists');
      context.log[routine ? 'debug' : 'warn']({ err, key, controller: name }, 'reconcile failed');
    },
  });
}
