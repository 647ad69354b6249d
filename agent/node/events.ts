// What is told of a node, in upstream's words. Pure, but for `nodeEvents`.
import type { NodeCondition } from '../../api/gen/types/core.v1.ts';
import type { EventRecorder } from '../../kit/client/index.ts';

export type NodeEvents = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** Upstream names the node by its name where others have a uid: tools look for it. */
export const nodeEvents =
  (recorder: EventRecorder, name: string): NodeEvents =>
  (type, reason, message) =>
    recorder.record({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } }, type, reason, message);

const REASONS: Readonly<Record<string, { True: string; False: string }>> = {
  MemoryPressure: { True: 'NodeHasInsufficientMemory', False: 'NodeHasSufficientMemory' },
  DiskPressure: { True: 'NodeHasDiskPressure', False: 'NodeHasNoDiskPressure' },
  PIDPressure: { True: 'NodeHasInsufficientPID', False: 'NodeHasSufficientPID' },
  Ready: { True: 'NodeReady', False: 'NodeNotReady' },
};

/** Reasons of what has changed. A new node says what it has enough of, but not that it is not ready yet. */
export function changes(before: readonly NodeCondition[], after: readonly NodeCondition[]): string[] {
  return after.flatMap(({ type, status }) => {
    const old = before.find((condition) => condition.type === type);
    const reasons = REASONS[type];
    if (!reasons || old?.status === status || (type === 'Ready' && !old)) return [];
    return [status === 'True' ? reasons.True : reasons.False];
  });
}

export function tellChanges(tell: NodeEvents, name: string, before: readonly NodeCondition[], after: readonly NodeCondition[]): void {
  for (const reason of changes(before, after)) tell('Normal', reason, `Node ${name} status is now: ${reason}`);
}

/** Whether the machine is another boot of the one that the Node shows. */
export const rebooted = (shown: string | undefined, bootId: string): boolean => shown !== undefined && shown !== '' && shown !== bootId;
