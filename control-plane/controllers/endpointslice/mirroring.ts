// Copies Endpoints that somebody wrote for a Service without selector into EndpointSlices.
import type { EndpointAddress, EndpointSubset, Endpoints, Service } from '../../../api/gen/types/core.v1.ts';
import type { Endpoint, EndpointSlice } from '../../../api/gen/types/discovery.v1.ts';
import { controllerReference, isStatusError, type KubeObject, semanticEqual } from '../../../api/meta/index.ts';
import { type Informer, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { Expectations, UNSETTLED } from '../shared/expectations.ts';
import { indexSlices, MANAGED_BY, SERVICE_NAME } from './controller.ts';
import type { Group } from './desired.ts';
import { type Content, changesFor } from './slices.ts';
import { TRIGGER_TIME } from './trigger-time.ts';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const endpointOf = (address: EndpointAddress, ready: boolean): Endpoint => ({
  addresses: [address.ip],
  conditions: { ready },
  ...(address.hostname ? { hostname: address.hostname } : {}),
  ...(address.nodeName ? { nodeName: address.nodeName } : {}),
  ...(address.targetRef ? { targetRef: address.targetRef } : {}),
});

/** The groups of one address family. */
function mirroredGroups(subsets: readonly EndpointSubset[], type: 'IPv4' | 'IPv6'): Group[] {
  const ofType = ({ ip }: EndpointAddress) => ip.includes(':') === (type === 'IPv6');
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const endpoints = [
      ...addresses.filter(ofType).map((a) => endpointOf(a, true)),
      ...notReadyAddresses.filter(ofType).map((a) => endpointOf(a, false)),
    ];
    return endpoints.length === 0
      ? []
      : [{ endpoints, ports: ports.map(({ name, ...port }) => ({ name: name ?? '', ...port, protocol: port.protocol ?? 'TCP' })) }];
  });
}

export const endpointSliceMirroringController: Controller = {
  name: 'endpointslicemirroring',
  user: account('endpointslicemirroring-controller'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const services = informers.of<Service>(RESOURCES.services);
    const all = informers.of<Endpoints>(RESOURCES.endpoints);
    const slices = indexSlices(informers.of<EndpointSlice>(RESOURCES.endpointslices));
    const expectations = new Expectations(slices as unknown as Informer, clock);

    const queue = reconcilerOf('endpointslicemirroring', context, signal, ready, async (key) => {
      const own = slices
        .by('service', key)
        .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === MANAGER && !metadata.deletionTimestamp);
      const endpoints = all.get(key);
      const service = services.get(key);
      if (!expectations.satisfied(key)) return UNSETTLED;
      const mirrored =
        endpoints &&
        service &&
        !service.spec?.selector &&
        endpoints.metadata.labels?.[SKIP] !== 'true' &&
        endpoints.metadata.annotations?.[LEADER] === undefined;
      if (!mirrored) {
        await Promise.all(own.map(remove));
        return done;
      }
      const owner = { ...endpoints, apiVersion: 'v1', kind: 'Endpoints' } as KubeObject;
      const labels = { ...endpoints.metadata.labels, [SERVICE_NAME]: endpoints.metadata.name ?? '', [MANAGED_BY]: MANAGER };
      const { [LAST_APPLIED]: _applied, [TRIGGER_TIME]: _time, ...annotations } = endpoints.metadata.annotations ?? {};
      const upToDate = ({ metadata }: EndpointSlice) =>
        semanticEqual(metadata.labels, labels) && semanticEqual(metadata.annotations, annotations);
      for (const addressType of ['IPv4', 'IPv6'] as const) {
        const groups = mirroredGroups(endpoints.subsets ?? [], addressType);
        const existing = own.filter((slice) => slice.addressType === addressType);
        // Unlike for Services with a selector, no endpoints means no slice.
        const changes = groups.length > 0 ? changesFor(existing, groups, upToDate) : { create: [], update: [], delete: existing };
        await Promise.all([
          ...changes.create.map(create),
          ...changes.update.map(({ slice, content }) => update(slice, content)),
          ...changes.delete.map(remove),
        ]);

        async function create(content: Content): Promise<void> {
          const metadata = {
            generateName: `${endpoints?.metadata.name}-`,
            namespace: endpoints?.metadata.namespace,
            labels,
            annotations,
            ownerReferences: [controllerReference(owner)],
          };
          expectations.created(
            key,
            await client.create(RESOURCES.endpointslices, {
              apiVersion: 'discovery.k8s.io/v1',
              kind: 'EndpointSlice',
              metadata,
              addressType,
              ...content,
            }),
          );
        }
      }
      return done;

      async function update(slice: EndpointSlice, content: Content): Promise<void> {
        await client.update(RESOURCES.endpointslices, {
          ...slice,
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { ...slice.metadata, labels, annotations },
          ...content,
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
    const sliceSeen = ({ metadata }: EndpointSlice) => {
      if (metadata.labels?.[MANAGED_BY] === MANAGER) queue.add(`${metadata.namespace}/${metadata.labels[SERVICE_NAME] ?? ''}`);
    };
    for (const informer of [all, services] as unknown as Informer[])
      informer.on({ added: (o) => queue.add(keyOf(o)), updated: (_, o) => queue.add(keyOf(o)), deleted: (o) => queue.add(keyOf(o)) });
    slices.on({ added: sliceSeen, updated: (_, slice) => sliceSeen(slice), deleted: sliceSeen });
  },
};
