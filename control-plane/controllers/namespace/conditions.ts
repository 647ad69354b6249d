// What a namespace that is going tells about what still holds it. Pure.
import type { NamespaceCondition } from '../../../api/gen/types/core.v1.ts';
import { rfc3339 } from '../../../kit/run/index.ts';

export interface Remaining {
  /** `pods.` or `widgets.example.com` -> how many. */
  resources: ReadonlyMap<string, number>;
  finalizers: ReadonlyMap<string, number>;
  failures: readonly string[];
  /** `group/version` of an extension server -> why it is not known what it has. */
  undiscovered: ReadonlyMap<string, string>;
}

const OK: readonly [type: string, reason: string, message: string][] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  ['NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
];

function trouble(type: string, remaining: Remaining): { reason: string; message: string } | undefined {
  const counts = (map: ReadonlyMap<string, number>, words: string) =>
    [...map]
      .map(([what, count]) => `${what} ${words} ${count} resource instances`)
      .sort()
      .join(', ');
  if (type === 'NamespaceDeletionDiscoveryFailure' && remaining.undiscovered.size > 0) {
    const groups = [...remaining.undiscovered].map(([group, why]) => `${group}: ${why}`).sort();
    const why = `unable to retrieve the complete list of server APIs: ${groups.join(', ')}`;
    return { reason: 'DiscoveryFailed', message: `Discovery failed for some groups, ${groups.length} failing: ${why}` };
  }
  if (type === 'NamespaceDeletionContentFailure' && remaining.failures.length > 0) {
    return {
      reason: 'ContentDeletionFailed',
      message: `Failed to delete all resource types, ${remaining.failures.length} remaining: ${[...remaining.failures].sort().join(', ')}`,
    };
  }
  if (type === 'NamespaceContentRemaining' && remaining.resources.size > 0) {
    return { reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${counts(remaining.resources, 'has')}` };
  }
  if (type === 'NamespaceFinalizersRemaining' && remaining.finalizers.size > 0) {
    return {
      reason: 'SomeFinalizersRemain',
      message: `Some content in the namespace has finalizers remaining: ${counts(remaining.finalizers, 'in')}`,
    };
  }
  return undefined;
}

export function conditionsOf(before: readonly NamespaceCondition[], remaining: Remaining, nowMs: number): NamespaceCondition[] {
  return OK.map(([type, okReason, okMessage]) => {
    const bad = trouble(type, remaining);
    const next = { type, status: bad ? 'True' : 'False', reason: bad?.reason ?? okReason, message: bad?.message ?? okMessage };
    const old = before.find((condition) => condition.type === type);
    const same = old?.status === next.status && old.reason === next.reason && old.message === next.message;
    return { ...next, lastTransitionTime: same && old?.lastTransitionTime ? old.lastTransitionTime : rfc3339(nowMs) };
  });
}
