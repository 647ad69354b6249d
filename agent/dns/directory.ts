// The zone's content out of the informers' caches: an answer is as fresh as the last watch event.
import type { Service } from '../../api/gen/types/core.v1.ts';
import type { EndpointSlice } from '../../api/gen/types/discovery.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import type { Directory } from './records.ts';

export function informerDirectory(informers: InformerFactory): { directory: Directory; synced: Promise<unknown> } {
  const services = informers.of<Service & KubeObject>(RESOURCES.services);
  const slices = informers.of<EndpointSlice & KubeObject>(RESOURCES.endpointslices);
  services.addIndex('dns-namespace', (service) => [service.metadata.namespace ?? '']);
  services.addIndex('dns-ip', ({ spec }) => (spec?.clusterIP && spec.clusterIP !== 'None' ? [spec.clusterIP] : []));
  slices.addIndex('dns-service', ({ metadata: m }) => [`${m.namespace}/${m.labels?.['kubernetes.io/service-name']}`]);
  slices.addIndex('dns-ip', (slice) => [...new Set((slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses))]);
  return {
    directory: {
      service: (namespace, name) => services.get(`${namespace}/${name}`),
      slices: (namespace, service) => slices.by('dns-service', `${namespace}/${service}`),
      servicesAt: (ip) => services.by('dns-ip', ip),
      slicesAt: (ip) => slices.by('dns-ip', ip),
      hasNamespace: (namespace) => services.by('dns-namespace', namespace).length > 0,
    },
    synced: Promise.all([services.synced, slices.synced]),
  };
}
