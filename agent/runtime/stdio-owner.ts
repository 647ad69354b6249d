// Who owns a container's standard streams. Its pipes are of the machine's root, who is nobody for users of the pod's own: a program that opens
// /dev/stderr, as nginx does, would be refused. runc gives the pipes to the container's user, yet from inside, where it may not; crun 1.8 from
// outside, and the machine's own /dev/null with them, whose mode the container could change then.
import { chownSync, statSync } from 'node:fs';
import type { OciIdMapping, OciSpec } from './oci.ts';

/** For a container that waits for its start: `pid` is its first process. Does nothing for one with the machine's users. Safe to repeat. */
export function ownStdio(pid: number, { process: { user }, linux: { uidMappings = [], gidMappings = [] } }: OciSpec): void {
  const uid = onMachine(uidMappings, user.uid);
  const gid = onMachine(gidMappings, user.gid);
  if (uid === undefined || gid === undefined) return;
  for (const fd of [0, 1, 2]) {
    const stream = `/proc/${pid}/fd/${fd}`;
    const found = statSync(stream, { throwIfNoEntry: false });
    if (found?.isFIFO()) chownSync(stream, uid, gid);
    else if (found?.isCharacterDevice() && found.uid !== 0) chownSync(stream, 0, 0);
  }
}

function onMachine(mappings: readonly OciIdMapping[], id: number): number | undefined {
  const mapping = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return mapping && mapping.hostID + id - mapping.containerID;
}
