// What filters and scores ask of other objects: namespaces, Services and controllers, volume claims.
import type { ReplicaSet, StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  ReplicationController,
  Service,
} from '../../api/gen/types/core.v1.ts';
import { controllerOf, labelsMatch, type Requirement, type Selector, selectorFrom, selectorOf } from '../../api/meta/index.ts';
import { type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { nodeSelectorMatches } from '../../kit/placement/index.ts';
import type { Surroundings } from './cluster.ts';
import type { PodInfo } from './pod-info.ts';

export function surroundingsOf(informers: InformerFactory): Surroundings {
  const namespaces = informers.of<Namespace>(RESOURCES.namespaces);
  const services = informers.of<Service>(RESOURCES.services);
  const replicaSets = informers.of<ReplicaSet>(RESOURCES.replicasets);
  const statefulSets = informers.of<StatefulSet>(RESOURCES.statefulsets);
  const replicationControllers = informers.of<ReplicationController>(RESOURCES.replicationcontrollers);
  const claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
  const volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
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

    volumes(pod) {
      const wanted: PersistentVolume[] = [];
      for (const volume of pod.pod.spec?.volumes ?? []) {
        const name = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.name}-${volume.name}` : undefined);
        if (name === undefined) continue;
        const claim = claims.get(`${pod.namespace}/${name}`);
        const problem = problemOf(claim, name);
        if (problem) return { problem };
        const bound = volumes.get(claim?.spec?.volumeName ?? '');
        if (bound?.spec?.nodeAffinity?.required) wanted.push(bound);
      }
      if (wanted.length === 0) return undefined;
      return {
        allows: (node: Node) =>
          wanted.every(({ spec }) => nodeSelectorMatches(spec?.nodeAffinity?.required ?? { nodeSelectorTerms: [] }, node)),
      };
    },
  };
}

function problemOf(claim: PersistentVolumeClaim | undefined, name: string): string | undefined {
  if (!claim) return `persistentvolumeclaim "${name}" not found`;
  if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`;
  if (claim.status?.phase === 'Lost')
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"`;
  if (claim.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  return undefined;
}
