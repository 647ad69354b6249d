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

/** The text of a `resourceFieldRef`: the amount over the divisor, rounded up; a limit that is not set is what the node can give. */
export function resourceText(container: Container, ref: ResourceFieldSelector, place: PodPlace): string {
  const [list, ...rest] = ref.resource.split('.');
  const resource = rest.join('.');
  const given = container.resources?.[list as 'limits' | 'requests']?.[resource];
  const amount = given ?? (list === 'limits' ? place.allocatable[resource] : undefined) ?? '0';
  const divisor = toMilli(ref.divisor === undefined || ref.divisor === '0' ? '1' : ref.divisor);
  return ((toMilli(amount) + divisor - 1n) / divisor).toString();
}
