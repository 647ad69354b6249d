// The downward API: what a pod may know of itself, as text; for environment variables and for files alike.
import type { Container, Pod, ResourceFieldSelector } from '../../api/gen/types/core.v1.ts';
import { toMilli } from '../../api/meta/index.ts';

/** What is known of the pod only on its node. */
export interface PodPlace {
  /** Pod addresses, the primary one first; empty before the network is up. */
  podIPs: readonly string[];
  hostIP: string;
  /** Defaults of limits. */
  allocatable: Readonly<Record<string, string>>;
  /** The most that a volume in memory may hold. */
  readonly memoryBytes?: number | undefined;
}

const SUBSCRIPT = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/;

/** The text of a `fieldRef`. @throws Error for a path that is not supported */
export function fieldText(pod: Pod, path: string, place: PodPlace): string {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript) {
    const map = subscript[1] === 'metadata.labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? '';
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return mapText(pod.metadata.labels);
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return place.hostIP;
    case 'status.podIP':
      return place.podIPs[0] ?? '';
    case 'status.podIPs':
      return place.podIPs.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** One `key="value"` a line, sorted, no newline at the end; values quoted as Go's %q does. */
function mapText(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map?.[key])}`)
    .join('\n');
}

/** Resources of which a container without a limit may use what its pod, or else its node, has. */
const SHARED = ['cpu', 'memory', 'ephemeral-storage'];

function limitOf(pod: Pod, container: Container, resource: string, place: PodPlace): string | undefined {
  const { limits } = container.resources ?? {};
  if (!SHARED.includes(resource)) return limits?.[resource];
  const wider = [limits, pod.spec?.resources?.limits, place.allocatable];
  return wider.map((amounts) => amounts?.[resource]).find((amount) => amount !== undefined && toMilli(amount) !== 0n);
}

/** The text of a `resourceFieldRef`: the amount over the divisor, rounded up; a limit that is not set is what the pod or the node can give. */
export function resourceText(pod: Pod, container: Container, ref: ResourceFieldSelector, place: PodPlace): string {
  const [list, ...rest] = ref.resource.split('.');
  const resource = rest.join('.');
  const amount = (list === 'limits' ? limitOf(pod, container, resource, place) : container.resources?.requests?.[resource]) ?? '0';
  const divisor = toMilli(ref.divisor === undefined || ref.divisor === '0' ? '1' : ref.divisor);
  return ((toMilli(amount) + divisor - 1n) / divisor).toString();
}
