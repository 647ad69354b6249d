// Resources that others count on this node (an administrator's `example.com/dongle`): whoever writes them into the node's capacity finds
// them among what pods may have. As the kubelet's status setters and its registration do it. Pure.
import type { NodeStatus } from '../../api/gen/types/core.v1.ts';
import { isExtendedResource } from '../../api/meta/index.ts';

type Amounts = Readonly<Record<string, string>>;

/** Parts of a merge patch: null takes a name away. */
export interface ResourcePatch {
  capacity: Record<string, string | null>;
  allocatable: Record<string, string | null>;
}

/** What is to change in the status that is there. `own`: the capacity that this node counts itself. */
export function countedByOthers(there: Pick<NodeStatus, 'capacity' | 'allocatable'> | undefined, own: Amounts): ResourcePatch {
  const capacity = (there?.capacity ?? {}) as Amounts;
  const allocatable = (there?.allocatable ?? {}) as Amounts;
  const patch: ResourcePatch = { capacity: {}, allocatable: {} };
  for (const [name, amount] of Object.entries(capacity)) {
    if (name in own) continue;
    if (isGoneSize(name)) Object.assign(patch.capacity, { [name]: null });
    else if (allocatable[name] !== amount) patch.allocatable[name] = amount;
  }
  for (const name of Object.keys(allocatable))
    if (!(name in own) && (isGoneSize(name) || (isExtendedResource(name) && !(name in capacity)))) patch.allocatable[name] = null;
  return patch;
}

/** Huge pages are the kernel's: a size that it does not name is there no more. */
const isGoneSize = (name: string): boolean => name.startsWith('hugepages-');

export const changesNothing = ({ capacity, allocatable }: ResourcePatch): boolean =>
  Object.keys(capacity).length + Object.keys(allocatable).length === 0;

/** A machine that was made anew under an old name has none of what was counted on the old one. */
export function noneLeft(there: Pick<NodeStatus, 'capacity'> | undefined): ResourcePatch {
  const none = Object.fromEntries(
    Object.keys(there?.capacity ?? {})
      .filter(isExtendedResource)
      .map((name) => [name, '0']),
  );
  return { capacity: none, allocatable: none };
}
