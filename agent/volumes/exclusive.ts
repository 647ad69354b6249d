// Volumes that only one pod at a time may use (ReadWriteOncePod), also when a pod came past the scheduler. Held by a mark in the pod's
// folder, so that an agent that starts again knows the holder before any pod asks.
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import { Turns } from '../../kit/run/index.ts';
import { VolumeProblem } from './payload.ts';

/** In a pod's folder: one empty folder for each volume that it has for itself. */
export const EXCLUSIVE = 'volumes-exclusive';

const isExclusive = ({ spec }: PersistentVolume): boolean => spec?.accessModes?.length === 1 && spec.accessModes[0] === 'ReadWriteOncePod';

export class ExclusiveVolumes {
  readonly #podsDir: string;
  readonly #turns = new Turns();

  constructor(podsDir: string) {
    this.#podsDir = podsDir;
  }

  /** Safe to repeat. @throws VolumeProblem while another pod of this node has it */
  async claim(podUid: string, volume: PersistentVolume): Promise<void> {
    if (!isExclusive(volume)) return;
    const name = volume.metadata.name ?? '';
    const mark = (uid: string) => join(this.#podsDir, uid, EXCLUSIVE, name);
    await this.#turns.take(name, async () => {
      for (const uid of await readdir(this.#podsDir).catch(() => []))
        if (uid !== podUid && (await stat(mark(uid)).catch(() => undefined)))
          throw new VolumeProblem('volume uses the ReadWriteOncePod access mode and is already in use by another pod', 'exclusive');
      await mkdir(mark(podUid), { recursive: true });
    });
  }
}
