// From endpoints to slices of at most 100, with as few writes as can be: what stays in place stays. Pure.
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../api/gen/types/discovery.v1.ts';
import { deepEqual, semanticEqual } from '../../../api/meta/index.ts';
import { type Group, portsKey } from './desired.ts';

const ENDPOINTS_MAX = 100;

export interface Content {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export interface SliceChanges {
  create: Content[];
  update: { slice: EndpointSlice; content: Content }[];
  delete: EndpointSlice[];
}

const identityOf = ({ addresses, targetRef }: Endpoint): string => targetRef?.uid ?? `${targetRef?.name ?? ''}/${addresses.join(',')}`;

/** `labelsMatch` says whether a slice has the labels that it should; one that has not is written in any case. */
export function changesFor(
  existing: readonly EndpointSlice[],
  groups: readonly Group[],
  labelsMatch: (slice: EndpointSlice) => boolean,
): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], delete: [] };
  // A Service without endpoints has one empty slice, so that its readers know that it was seen.
  const wanted = groups.length > 0 ? groups : [{ ports: [], endpoints: [] }];
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) byPorts.set(portsKey(slice.ports), [...(byPorts.get(portsKey(slice.ports)) ?? []), slice]);
  for (const group of wanted) {
    const key = portsKey(group.ports);
    fill(byPorts.get(key) ?? [], group, labelsMatch, changes);
    byPorts.delete(key);
  }
  for (const slices of byPorts.values()) changes.delete.push(...slices);
  // Rather change a slice that would go than delete it and create another.
  while (changes.create.length > 0 && changes.delete.length > 0)
    changes.update.push({ slice: changes.delete.shift() as EndpointSlice, content: changes.create.shift() as Content });
  return changes;
}

function fill(slices: readonly EndpointSlice[], group: Group, labelsMatch: (slice: EndpointSlice) => boolean, changes: SliceChanges): void {
  const missing = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const kept = slices.map((slice) => {
    const endpoints: Endpoint[] = [];
    let changed = !labelsMatch(slice);
    for (const present of slice.endpoints ?? []) {
      const now = missing.get(identityOf(present));
      if (!now) {
        changed = true;
        continue;
      }
      missing.delete(identityOf(present));
      // Only what differs in nothing but absent fields stays the very same.
      if (!semanticEqual(now, present)) changed = true;
      endpoints.push(now);
    }
    return { slice, endpoints, changed };
  });
  const rest = [...missing.values()];
  for (const entry of kept) if (entry.changed) entry.endpoints.push(...rest.splice(0, ENDPOINTS_MAX - entry.endpoints.length));
  const roomy =
    rest.length > 0 && rest.length < ENDPOINTS_MAX
      ? kept.find(({ changed, endpoints }) => !changed && endpoints.length + rest.length <= ENDPOINTS_MAX)
      : undefined;
  if (roomy) {
    roomy.endpoints.push(...rest.splice(0));
    roomy.changed = true;
  }
  while (rest.length > 0) changes.create.push({ ports: group.ports, endpoints: rest.splice(0, ENDPOINTS_MAX) });
  const isPlaceholder = group.endpoints.length === 0;
  let left = isPlaceholder && kept.length > 0 ? 1 : 0;
  for (const { slice, endpoints, changed } of kept) {
    if (endpoints.length === 0 && left-- <= 0) changes.delete.push(slice);
    else if (changed || !deepEqual(slice.ports ?? [], group.ports))
      changes.update.push({ slice, content: { ports: group.ports, endpoints } });
  }
  if (isPlaceholder && kept.length === 0) changes.create.push({ ports: [], endpoints: [] });
}
