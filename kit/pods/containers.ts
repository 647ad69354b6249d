// The containers of a pod by what they are for. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';

/** Of an init container: it runs beside the others as long as the pod does. */
export const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === 'Always';

export const sidecarsOf = ({ spec }: Pod): Container[] => (spec?.initContainers ?? []).filter(isSidecar);

/** Those that run as long as the pod does: its containers, then its sidecars. */
export const lastingContainers = (pod: Pod): Container[] => [...(pod.spec?.containers ?? []), ...sidecarsOf(pod)];
