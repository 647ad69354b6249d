// Keeps the EndpointSlices of Services with a selector: one reconcile of a Service looks at all of its slices.
import type { Node, Service } from '../../../api/gen/types/core.v1.ts';
import type { EndpointSlice } from '../../../api/gen/types/discovery.v1.ts';
import { controllerReference, deepEqual, isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { type Informer, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { Expectations, UNSETTLED } from '../shared/expectations.ts';
import { addressTypesOf, groupsOf } from './desired.ts';
import { hasSelector, watchServices } from './services.ts';
import { type Content, changesFor } from './slices.ts';
import { TriggerTimes, withTriggerTime } from './trigger-time.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const HEADLESS = 'service.kubernetes.io/headless';
const MANAGER = 'endpointslice-controller.k8s.io';

/** Slices carry their Service's labels, except those that mean something on a slice. */
function sliceLabels(service: Service, manager: string): Record<string, string> {
  const { [SERVICE_NAME]: _name, [MANAGED_BY]: _by, [HEADLESS]: _headless, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    ...(service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {}),
    [SERVICE_NAME]: service.metadata.name ?? '',
    [MANAGED_BY]: manager,
  };
}

/** The shared cache of slices with an index `service` by namespace and service name. */
export function indexSlices(slices: Informer<EndpointSlice>): Informer<EndpointSlice> {
  slices.addIndex('service', ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[SERVICE_NAME] ?? ''}`]);
  return slices;
}

export const endpointSliceController: Controller = {
  name: 'endpointslice',
  user: account('endpointslice-controller'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const slices = indexSlices(informers.of<EndpointSlice>(RESOURCES.endpointslices));
    const nodes = informers.of<Node>(RESOURCES.nodes);
    const expectations = new Expectations(slices as unknown as Informer, clock);
    const triggerTimes = new TriggerTimes();
    const events = context.events('endpoint-slice-controller');

    const queue = reconcilerOf('endpointslice', context, signal, ready, async (key) => {
      const service = watched.services.get(key);
      if (!service) {
        triggerTimes.forget(key);
        expectations.forget(key);
        return done;
      }
      if (!hasSelector(service) || service.metadata.deletionTimestamp) return done;
      if (!expectations.satisfied(key)) return UNSETTLED;
      const owner = { ...service, apiVersion: 'v1', kind: 'Service' } as KubeObject;
      const pods = watched.podsOf(service);
      const own = slices
        .by('service', key)
        .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === MANAGER && !metadata.deletionTimestamp);
      const labels = sliceLabels(service, MANAGER);
      const triggerTime = triggerTimes.next(key, service, pods);
      const bodyOf = ({ ports, endpoints }: Content) => ({
        endpoints: endpoints.length > 0 ? endpoints : null,
        ports: ports.length > 0 ? ports : null,
      });
      const types = addressTypesOf(service);
      const writes: Promise<unknown>[] = own
        .filter(({ addressType }) => !types.includes(addressType as never))
        .map((slice) => remove(slice));
      for (const addressType of types) {
        const existing = own.filter((slice) => slice.addressType === addressType);
        const changes = changesFor(
          existing,
          groupsOf(service, pods, (name) => nodes.get(name), addressType),
          (slice) => deepEqual(slice.metadata.labels, labels),
        );
        for (const content of changes.create) writes.push(create({ addressType, ...bodyOf(content) }));
        for (const { slice, content } of changes.update) writes.push(update(slice, bodyOf(content)));
        for (const slice of changes.delete) writes.push(remove(slice));
      }
      const failed = (await Promise.allSettled(writes)).find((result) => result.status === 'rejected');
      if (failed) {
        if (
          isStatusError(failed.reason, 'Forbidden') &&
          failed.reason.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')
        )
          return done;
        if (!isStatusError(failed.reason, 'Conflict'))
          events.record(
            owner,
            'Warning',
            'FailedToUpdateEndpointSlices',
            `Error updating Endpoint Slices for Service ${key}: ${failed.reason.message}`,
          );
        throw failed.reason;
      }
      return done;

      async function create(body: object): Promise<void> {
        const annotations = withTriggerTime(undefined, triggerTime);
        const metadata = {
          generateName: `${service?.metadata.name}-`,
          namespace: service?.metadata.namespace,
          labels,
          annotations,
          ownerReferences: [controllerReference(owner)],
        };
        expectations.created(
          key,
          await client.create(RESOURCES.endpointslices, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, ...body }),
        );
      }
      async function update(slice: EndpointSlice, body: object): Promise<void> {
        const { annotations: before, ...kept } = slice.metadata;
        const annotations = withTriggerTime(before, triggerTime);
        const metadata = { ...kept, labels, ...(annotations ? { annotations } : {}) };
        await client.update(RESOURCES.endpointslices, {
          ...slice,
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata,
          ...body,
        });
      }
      async function remove(slice: EndpointSlice): Promise<void> {
        const { name = '', namespace = '', uid = '' } = slice.metadata;
        await client.delete(RESOURCES.endpointslices, name, { namespace, preconditions: { uid } }).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
        expectations.deleted(key, slice as KubeObject);
      }
    });
    const watched = watchServices(informers, (key) => queue.add(key));
    const sliceSeen = ({ metadata }: EndpointSlice) => {
      if (metadata.labels?.[MANAGED_BY] === MANAGER) queue.add(`${metadata.namespace}/${metadata.labels[SERVICE_NAME] ?? ''}`);
    };
    slices.on({ added: sliceSeen, updated: (_, slice) => sliceSeen(slice), deleted: sliceSeen });
  },
};
