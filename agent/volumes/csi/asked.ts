// What drivers were asked to publish for a pod: written down before they are asked, so that a killed agent's successor takes it back.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../kit/fs/index.ts';

/** In a pod's folder: one file for each such volume. */
const FOLDER = 'csi';
const ENDING = '.json';

export interface Asked {
  driver: string;
  handle: string;
  target: string;
  /** Absent: the driver stages nothing. */
  staging?: string;
  /** Its name in the node's status, where it is attached for the node. */
  inUse?: string;
  /** It is published, but the pod's group has yet to be given it. */
  groupIsOwed?: boolean;
  /** Of the volume when it was published for the pod, or made larger since. */
  size?: string;
}

const fileOf = (podFolder: string, volume: string): string => join(podFolder, FOLDER, `${volume}${ENDING}`);

export async function writeAsked(podFolder: string, volume: string, asked: Asked): Promise<void> {
  await mkdir(join(podFolder, FOLDER), { recursive: true });
  await writeFileAtomic(fileOf(podFolder, volume), JSON.stringify(asked));
}

/** Names of the pod's volumes that a driver was asked for. */
export async function askedVolumes(podFolder: string): Promise<string[]> {
  const names = await readdir(join(podFolder, FOLDER)).catch(() => []);
  return names.flatMap((name) => (name.endsWith(ENDING) ? [name.slice(0, -ENDING.length)] : []));
}

/** Undefined: a file that a crash left half written asked for nothing yet. */
export async function readAsked(podFolder: string, volume: string): Promise<Asked | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(podFolder, volume), 'utf8')) as Asked;
  } catch {
    return undefined;
  }
}

export const forgetAsked = (podFolder: string, volume: string): Promise<void> => rm(fileOf(podFolder, volume), { force: true });
