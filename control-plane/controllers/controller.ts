// What a controller is and what it gets.
import { isStatusError } from '../../api/meta/index.ts';
import type { Client, EventRecorder, InformerFactory } from '../../kit/client/index.ts';
import type { KeyPair } from '../../kit/net/index.ts';
import { type Reconcile, Reconciler } from '../../kit/queue/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import type { AllKinds } from './shared/all-kinds.ts';

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
  /** Acts as the controller's user. */
  client: Client;
  /** Shared by all controllers of the process. */
  informers: InformerFactory;
  /** The same for what must look at every kind there is. */
  allKinds: AllKinds;
  clock: Clock;
  log: Logger;
  config: ControllersConfig;
  /** A recorder that speaks as `component`. */
  events(component: string): EventRecorder;
}

/** The user that a service account of the system is. */
export const account = (name: string): string => `system:serviceaccount:kube-system:${name}`;
/** The API server itself: upstream runs some of these controllers there. */
export const API_SERVER = 'system:apiserver';
export const CONTROLLER_MANAGER = 'system:kube-controller-manager';

export interface Controller {
  readonly name: string;
  /** As whom it acts; what it may do is in the role of that name (apiserver/authz/bootstrap-controllers.ts). */
  readonly user: string;
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
