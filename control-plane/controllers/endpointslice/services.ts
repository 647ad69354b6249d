// Which Services are touched when a pod or a node changes: shared by the controllers of Endpoints and EndpointSlices.
import type { Node, Pod, Service } from '../../../api/gen/types/core.v1.ts';
import { deepEqual, labelsMatch } from '../../../api/meta/index.ts';
import { type Informer, type InformerFactory, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { isFinished, isReady } from '../../../kit/pods/index.ts';
import { indexPods } from '../shared/pod-index.ts';

export const hasSelector = (service: Service): boolean =>
  Object.keys(service.spec?.selector ?? {}).length > 0 && service.spec?.type !== 'ExternalName';

/** What of a pod makes a difference to endpoints. */
const sameEndpoint = (a: Pod, b: Pod): boolean =>
  isReady(a) === isReady(b) &&
  isFinished(a) === isFinished(b) &&
  a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
  a.spec?.nodeName === b.spec?.nodeName &&
  deepEqual(a.status?.podIPs, b.status?.podIPs) &&
  deepEqual(a.metadata.labels, b.metadata.labels);

const ZONE = 'topology.kubernetes.io/zone';

export interface ServiceWatch {
  services: Informer<Service>;
  podsOf(service: Service): Pod[];
}

/** Calls `touched` with the key of each Service whose endpoints may have changed. */
export function watchServices(informers: InformerFactory, touched: (key: string) => void): ServiceWatch {
  const services = informers.of<Service>(RESOURCES.services);
  const pods = indexPods(informers);
  services.addIndex('namespace', (service) => [service.metadata.namespace ?? '']);
  const podSeen = (pod: Pod) => {
    for (const service of services.by('namespace', pod.metadata.namespace ?? ''))
      if (hasSelector(service) && labelsMatch(service.spec?.selector, pod.metadata.labels)) touched(keyOf(service));
  };
  const seen = (service: Service) => touched(keyOf(service));
  services.on({ added: seen, updated: (_, service) => seen(service), deleted: seen });
  pods.on({
    added: (pod) => pod.status?.podIP && podSeen(pod),
    updated: (before, pod) => {
      if (sameEndpoint(before, pod)) return;
      if (!deepEqual(before.metadata.labels, pod.metadata.labels)) podSeen(before);
      podSeen(pod);
    },
    deleted: podSeen,
  });
  const nodeSeen = (node: Node) => {
    for (const pod of pods.by('node', node.metadata.name ?? '')) podSeen(pod);
  };
  informers.of<Node>(RESOURCES.nodes).on({
    added: nodeSeen,
    updated: (before, node) => before.metadata.labels?.[ZONE] !== node.metadata.labels?.[ZONE] && nodeSeen(node),
    deleted: nodeSeen,
  });
  return {
    services,
    podsOf: (service) =>
      pods.by('namespace', service.metadata.namespace ?? '').filter((pod) => labelsMatch(service.spec?.selector, pod.metadata.labels)),
  };
}
