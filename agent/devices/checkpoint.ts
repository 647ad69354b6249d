// What was given to whom, in a file: an agent that was killed gives no device twice and each container its own again.
import { readFileIfExists, writeFileAtomic } from '../../kit/fs/index.ts';
import type { Logger } from '../../kit/run/index.ts';
import type { Allotment } from './allotment.ts';

export interface Checkpoint {
  allotments: Allotment[];
  /** Resources that had a plugin. */
  resources: string[];
}

/** A file that cannot be read is told and left aside: pods that run keep their devices, but new ones may be given the same. */
export async function readCheckpoint(file: string, log: Logger): Promise<Checkpoint> {
  const text = await readFileIfExists(file);
  if (text === undefined) return { allotments: [], resources: [] };
  try {
    const { allotments, resources } = JSON.parse(text) as Partial<Checkpoint>;
    if (!Array.isArray(allotments) || !Array.isArray(resources)) throw new Error('it is no list of allotments');
    return { allotments, resources };
  } catch (error) {
    log.error({ err: error, file }, 'who has which device is not known any more');
    return { allotments: [], resources: [] };
  }
}

/** On disk when it resolves. */
export const writeCheckpoint = (file: string, checkpoint: Checkpoint): Promise<void> =>
  writeFileAtomic(file, JSON.stringify(checkpoint), { durable: true });
