// Volumes that name a zone or region in their labels keep their pods there. Pure.
import type { Node, PersistentVolume } from '../../api/gen/types/core.v1.ts';

/** Old labels and what they are called now. */
const TOPOLOGY: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};
/** A volume that is in several zones names them all. */
const SEPARATOR = '__';

/** Whether the node is where the volumes are; undefined: they name no place. A node without any place is everywhere. */
export function inZoneOf(volumes: readonly PersistentVolume[]): ((node: Node) => boolean) | undefined {
  const demands = volumes.flatMap(({ metadata: { labels = {} } }) =>
    Object.keys(TOPOLOGY).flatMap((key) => (labels[key] === undefined ? [] : [{ key, places: labels[key].split(SEPARATOR) }])),
  );
  if (demands.length === 0) return undefined;
  return ({ metadata: { labels = {} } }) => {
    if (!Object.keys(TOPOLOGY).some((key) => labels[key] !== undefined)) return true;
    return demands.every(({ key, places }) => places.includes(labels[key] ?? labels[TOPOLOGY[key] ?? ''] ?? SEPARATOR));
  };
}
