// Which ids of the machine are the users of a pod with `hostUsers: false`: 65,536 that no other pod of the node has. The record is a file
// in the pod's folder, so that it is there after any restart of the agent, and goes with the pod.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../../kit/fs/index.ts';
import type { UserIds } from '../cri/index.ts';

const LENGTH = 65_536;
/** Ids have 32 bits; the first range is the machine's own, and the last holds the id that means none. */
const RANGES = 65_535;

/** The same for the same pod. Synchronous: nobody else may look for a range meanwhile. @throws Error when none is left */
export function usersOf(podsDir: string, uid: string): UserIds {
  const own = recorded(podsDir, uid);
  if (own !== undefined) return idsFrom(own);
  const taken = new Set(readdirSync(podsDir).map((other) => recorded(podsDir, other)));
  for (let range = 1; range < RANGES; range++) {
    const hostId = range * LENGTH;
    if (taken.has(hostId)) continue;
    const mappings = [{ containerId: 0, hostId, length: LENGTH }];
    writeFileAtomicSync(fileOf(podsDir, uid), JSON.stringify({ uidMappings: mappings, gidMappings: mappings }));
    return idsFrom(hostId);
  }
  throw new Error('could not find an empty slot to allocate a user namespace');
}

const idsFrom = (hostId: number): UserIds => ({ uids: { hostId, length: LENGTH }, gids: { hostId, length: LENGTH } });

/** Name and content are kubelet's. */
const fileOf = (podsDir: string, uid: string): string => join(podsDir, uid, 'userns');

/** The first of the pod's ids on the machine; undefined: it has none of its own. @throws Error for a file that says something else */
function recorded(podsDir: string, uid: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(podsDir, uid), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  if (text === '') return undefined; // cut off by a power failure, which nothing of the pod survived
  const { uidMappings: [mapping] = [] } = JSON.parse(text) as { uidMappings?: { hostId?: number }[] };
  if (!mapping?.hostId) throw new Error(`invalid user namespace mappings file of pod ${uid}`);
  return mapping.hostId;
}
