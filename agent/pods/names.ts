// Labels, annotations and names that tie CRI records to pods; crictl and recovery after a restart read them.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';

export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
export const GRACE_ANNOTATION = 'io.kubernetes.pod.terminationGracePeriod';
export const IMAGE_ANNOTATION = 'wherry/image';
/** The resources that the container was made with, as JSON. */
export const RESOURCES_ANNOTATION = 'wherry/resources';

export const podLabels = (pod: Pod): Record<string, string> => ({
  'io.kubernetes.pod.name': pod.metadata.name ?? '',
  'io.kubernetes.pod.namespace': pod.metadata.namespace ?? '',
  [POD_UID_LABEL]: pod.metadata.uid ?? '',
});

/** As upstream's messages name a pod: `name_namespace(uid)`. */
export const podText = (pod: Pod): string => `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;

export type ContainerRole = 'container' | 'init' | 'ephemeral';

export function findContainer(pod: Pod, name: string): { container: Container; role: ContainerRole } | undefined {
  const lists: [ContainerRole, Container[]][] = [
    ['container', pod.spec?.containers ?? []],
    ['init', pod.spec?.initContainers ?? []],
    ['ephemeral', pod.spec?.ephemeralContainers ?? []],
  ];
  for (const [role, containers] of lists) {
    const container = containers.find((one) => one.name === name);
    if (container) return { container, role };
  }
  return undefined;
}

const FIELDS: Record<ContainerRole, string> = { container: 'containers', init: 'initContainers', ephemeral: 'ephemeralContainers' };

/** `spec.containers{web}`, for events. */
export const containerFieldPath = (pod: Pod, name: string): string =>
  `spec.${FIELDS[findContainer(pod, name)?.role ?? 'container']}{${name}}`;
