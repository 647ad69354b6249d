// Pods of a test's cluster, all in one namespace: made, waited for, their events read.
import type { Event, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import type { Cluster } from '../../rig/index.ts';

export type PodObject = Pod & KubeObject;

export const namespace = 'default';

const TIMEOUT_MS = 120_000;
const EVERY_MS = 50;

export interface ClusterPods {
  create(name: string, spec: object): Promise<PodObject>;
  get(name: string): Promise<PodObject>;
  until(name: string, what: string, done: (pod: PodObject) => boolean): Promise<PodObject>;
  eventsOf(name: string): Promise<Event[]>;
  /** The first event of this reason, once there is one. */
  eventOf(name: string, reason: string): Promise<Event>;
}

/** `cluster`: once it is up. `graceSeconds`: of pods that say nothing of it. */
export function podsOf(cluster: () => Cluster, graceSeconds = 0): ClusterPods {
  const get = (name: string) => cluster().client.get<PodObject>(RESOURCES.pods, name, { namespace });
  const eventsOf = async (name: string) =>
    (await cluster().client.list<Event & KubeObject>(RESOURCES.events, { namespace, fieldSelector: `involvedObject.name=${name}` })).items;
  return {
    create(name, spec) {
      const whole = { terminationGracePeriodSeconds: graceSeconds, ...spec };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: whole } as unknown as PodObject;
      return cluster().client.create(RESOURCES.pods, pod, { namespace });
    },
    get,
    until: (name, what, done) =>
      waitFor({ what: `${name} ${what}`, timeoutMs: TIMEOUT_MS, everyMs: EVERY_MS }, async () => {
        const pod = await get(name);
        return done(pod) ? pod : undefined;
      }),
    eventsOf,
    eventOf: (name, reason) =>
      waitFor({ what: `${reason} of ${name}`, timeoutMs: TIMEOUT_MS, everyMs: EVERY_MS }, async () =>
        (await eventsOf(name)).find((one) => one.reason === reason),
      ),
  };
}
