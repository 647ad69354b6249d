// The containers of a pod by what they are for. Pure.
import type { Container, ContainerStatus, EphemeralContainer, Pod } from '../../api/gen/types/core.v1.ts';

/** Of an init container: it runs beside the others as long as the pod does. */
export const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === 'Always';

export const sidecarsOf = ({ spec }: Pod): Container[] => (spec?.initContainers ?? []).filter(isSidecar);

/** Those that run as long as the pod does: its containers, then its sidecars. */
export const lastingContainers = (pod: Pod): Container[] => [...(pod.spec?.containers ?? []), ...sidecarsOf(pod)];

/** Of every kind. */
export const everyContainer = ({ spec }: Pod): (Container | EphemeralContainer)[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...(spec?.ephemeralContainers ?? []),
];

/** What the pod's status says of a container of any kind: names are unique among all of them. */
export function containerStatusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find((one) => one.name === name);
}
