// What filters and scores ask of other objects: namespaces, Services and controllers, volume claims.
import type { ReplicaSet, StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { Namespace, ReplicationController, Service } from '../../api/gen/types/core.v1.ts';
import { controllerOf, labelsMatch, type Requirement, type Selector, selectorFrom, selectorOf } from '../../api/meta/index.ts';
import { type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import type { Surroundings } from './cluster.ts';
import type { PodInfo } from './pod-info.ts';
import type { VolumeLimits } from './volume-limits.ts';
import type { VolumeBinder } from './volumes.ts';

export function surroundingsOf(informers: InformerFactory, binder: VolumeBinder, limits: VolumeLimits): Surroundings {
  const namespaces = informers.of<Namespace>(RESOURCES.namespaces);
  const services = informers.of<Service>(RESOURCES.services);
  const replicaSets = informers.of<ReplicaSet>(RESOURCES.replicasets);
  const statefulSets = informers.of<StatefulSet>(RESOURCES.statefulsets);
  const replicationControllers = informers.of<ReplicationController>(RESOURCES.replicationcontrollers);
  services.addIndex('namespace', (service) => [service.metadata.namespace ?? '']);

  function ownerSelector(pod: PodInfo): Selector | undefined {
    const owner = controllerOf(pod.pod);
    const key = `${pod.namespace}/${owner?.name}`;
    if (owner?.kind === 'ReplicaSet') return selectorFrom(replicaSets.get(key)?.spec?.selector);
    if (owner?.kind === 'StatefulSet') return selectorFrom(statefulSets.get(key)?.spec?.selector);
    if (owner?.kind === 'ReplicationController')
      return selectorFrom({ matchLabels: replicationControllers.get(key)?.spec?.selector ?? {} });
    return undefined;
  }

  return {
    namespacesMatching: (selector) =>
      namespaces.list().flatMap(({ metadata }) => (selector.matches(metadata.labels) ? [metadata.name ?? ''] : [])),

    ownSelector(pod) {
      const requirements: Requirement[] = [...(ownerSelector(pod)?.requirements ?? [])];
      for (const service of services.by('namespace', pod.namespace)) {
        const selector = service.spec?.selector;
        if (!selector || Object.keys(selector).length === 0 || !labelsMatch(selector, pod.labels)) continue;
        for (const [key, value] of Object.entries(selector)) requirements.push({ key, operator: '=', values: [value] });
      }
      return requirements.length === 0 ? undefined : selectorOf(requirements);
    },

    volumes: (pod) => binder.demand(pod),

    exclusiveClaims: (pod) => binder.exclusive(pod),

    tooManyVolumes: (pod) => limits.exceeds(pod),
  };
}
