// Keeps the v1 Endpoints object of Services with a selector.
import type { Endpoints } from '../../../api/gen/types/core.v1.ts';
import { isStatusError, semanticEqual } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES, splitKey } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { HEADLESS } from './controller.ts';
import { subsetsOf } from './endpoints.ts';
import { hasSelector, watchServices } from './services.ts';
import { TRIGGER_TIME, TriggerTimes, withTriggerTime } from './trigger-time.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

export const endpointsController: Controller = {
  name: 'endpoints',
  user: account('endpoint-controller'),
  start(context, signal, ready) {
    const { client, informers } = context;
    const all = informers.of<Endpoints>(RESOURCES.endpoints);
    const triggerTimes = new TriggerTimes();
    const queue = reconcilerOf('endpoints', context, signal, ready, async (key) => {
      const service = watched.services.get(key);
      const { namespace, name } = splitKey(key);
      const present = all.get(key);
      if (!service) {
        triggerTimes.forget(key);
        if (present?.metadata.labels?.[MANAGED_BY] === undefined) return done;
        await client.delete(RESOURCES.endpoints, name, { namespace }).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
        return done;
      }
      if (!hasSelector(service) || service.metadata.deletionTimestamp) return done;
      const pods = watched.podsOf(service);
      const { subsets, truncated } = subsetsOf(service, pods);
      const triggerTime = triggerTimes.next(key, service, pods);
      const labels = {
        ...service.metadata.labels,
        ...(service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {}),
        [MANAGED_BY]: 'endpoint-controller',
      };
      const { [OVER_CAPACITY]: _, ...kept } = present?.metadata.annotations ?? {};
      const stable = { ...kept, ...(truncated ? { [OVER_CAPACITY]: 'truncated' } : {}) };
      const { [TRIGGER_TIME]: _time, ...presentStable } = present?.metadata.annotations ?? {};
      if (
        present &&
        semanticEqual(present.subsets, subsets) &&
        semanticEqual(present.metadata.labels, labels) &&
        semanticEqual(presentStable, withTriggerTime(stable, undefined))
      )
        return done;
      const metadata = { ...present?.metadata, name, namespace, labels, annotations: withTriggerTime(stable, triggerTime) };
      const body = { ...present, apiVersion: 'v1', kind: 'Endpoints', metadata, subsets: subsets.length > 0 ? subsets : undefined };
      try {
        await (present ? client.update(RESOURCES.endpoints, body) : client.create(RESOURCES.endpoints, body));
      } catch (error) {
        if (isStatusError(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating'))
          return done;
        throw error;
      }
      return done;
    });
    const watched = watchServices(informers, (key) => queue.add(key));
    all.on({ updated: (_, endpoints) => queue.add(keyOf(endpoints)), deleted: (endpoints) => queue.add(keyOf(endpoints)) });
  },
};
