// What becomes of an object whose owners are known: pure.
import type { OwnerReference } from '../../../api/meta/index.ts';
import { FOREGROUND, ORPHAN } from './graph.ts';

export type OwnerState = 'solid' | 'waiting' | 'absent';

export interface OwnedObject {
  finalizers: readonly string[];
  owners: readonly { reference: OwnerReference; state: OwnerState }[];
  hasDependents: boolean;
  /** One of its dependents waits for dependents itself: a cycle. */
  inCycle: boolean;
}

export type Decision =
  | { do: 'nothing' }
  | { do: 'drop-owners'; uids: string[] }
  | { do: 'delete'; policy: 'Background' | 'Foreground' | 'Orphan'; unblock: boolean };

/** Deleted only when no owner is left; one of several owners gone: its reference goes. */
export function decide(object: OwnedObject): Decision {
  const gone = object.owners.filter(({ state }) => state !== 'solid');
  if (gone.length === 0) return { do: 'nothing' };
  if (gone.length < object.owners.length) return { do: 'drop-owners', uids: gone.map(({ reference }) => reference.uid) };
  if (gone.some(({ state }) => state === 'waiting') && object.hasDependents)
    return { do: 'delete', policy: 'Foreground', unblock: object.inCycle };
  const policy = object.finalizers.includes(ORPHAN) ? 'Orphan' : object.finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background';
  return { do: 'delete', policy, unblock: false };
}
