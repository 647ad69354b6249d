// Entry of the scheduler: a service that gives each waiting pod a node.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { PodDisruptionBudget } from '../../api/gen/types/policy.v1.ts';
import { type Client, createEventRecorder, type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, type Logger, neverFails, type Service, systemClock } from '../../kit/run/index.ts';
import { forbiddenByBudgets } from './budgets.ts';
import { Cluster } from './cluster.ts';
import { Scheduler } from './scheduler.ts';
import { surroundingsOf } from './surroundings.ts';
import { VolumeLimits } from './volume-limits.ts';
import { VolumeBinder } from './volumes.ts';
import { SCHEDULER_NAME, watch } from './watching.ts';

export interface SchedulerContext {
  client: Client;
  /** Shared with the controllers when they run in the same process. */
  informers: InformerFactory;
  log: Logger;
  clock?: Clock;
}

export function startScheduler(context: SchedulerContext): Service {
  const { client, informers, log } = context;
  const clock = context.clock ?? systemClock;
  return {
    name: 'scheduler',
    async start() {
      const stop = new AbortController();
      const volumes = new VolumeBinder(informers);
      const cluster = new Cluster(surroundingsOf(informers, volumes, new VolumeLimits(informers)));
      const pods = informers.of<Pod>(RESOURCES.pods);
      const budgets = informers.of<PodDisruptionBudget>(RESOURCES.poddisruptionbudgets);
      const scheduler = new Scheduler({
        client,
        cluster,
        events: createEventRecorder({ client, component: SCHEDULER_NAME, log, clock }),
        forbidden: forbiddenByBudgets(budgets),
        clock,
        log,
        signal: stop.signal,
        volumes,
        current: ({ key, uid }) => {
          const pod = pods.get(key);
          return pod?.metadata.uid === uid ? pod : undefined;
        },
      });
      await Promise.all([pods.synced, informers.of(RESOURCES.nodes).synced, budgets.synced]);
      await informers.synced();
      const end = watch(informers, cluster, scheduler);
      return {
        failed: neverFails,
        async stop() {
          end();
          stop.abort(new Error('scheduler stopped'));
        },
      };
    },
  };
}
