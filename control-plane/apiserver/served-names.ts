// All that is served, here and by extension servers, in the order in which discovery lists it.
import type { ResourceNames } from '../../api/kinds/index.ts';
import { builtInPriority } from './aggregation/index.ts';
import type { KindTable } from './kind-table.ts';

export interface ServedNames {
  names: readonly ResourceNames[];
  /** Groups and versions whose server does not answer; they are listed even when nothing is known of them. */
  stale: readonly { group: string; version: string }[];
}

/** Groups by priority, then by name; versions of one group in the order in which they come, those of extension servers by theirs. */
export function servedNames(kinds: KindTable): ServedNames {
  const elsewhere = new Set(kinds.remote.map(({ group, version }) => `${group}/${version}`));
  const remote = [...kinds.remote].sort((a, b) => b.versionPriority - a.versionPriority);
  const own = kinds.all().filter(({ kind }) => !elsewhere.has(`${kind.group}/${kind.version}`));
  const priorities = new Map<string, number>();
  const raise = (group: string, priority: number) => priorities.set(group, Math.max(priority, priorities.get(group) ?? 0));
  for (const { kind } of own)
    if (!priorities.has(kind.group)) raise(kind.group, builtInPriority(kind.group, kind.version).groupPriorityMinimum);
  for (const { group, groupPriorityMinimum } of remote) raise(group, groupPriorityMinimum);
  const builtIn = new Set(own.filter(({ custom }) => !custom).map(({ kind }) => kind.group));
  const order = (a: ResourceNames, b: ResourceNames): number => {
    if (a.group === b.group) return 0;
    const byPriority = priorities.get(b.group)! - priorities.get(a.group)!;
    if (byPriority !== 0) return byPriority;
    // Our own groups come in the order in which Kubernetes lists them.
    return builtIn.has(a.group) && builtIn.has(b.group) ? 0 : a.group < b.group ? -1 : 1;
  };
  const names = [...own.map(({ kind }) => kind as ResourceNames), ...remote.flatMap((one) => one.names)].sort(order);
  return { names, stale: remote.filter(({ stale }) => stale) };
}
