// What registration gave this node, kept for a start at which the API server does not answer: a node of static pods may carry it.
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../kit/fs/index.ts';
import { type Clock, neverFails, type Service } from '../../kit/run/index.ts';
import type { Registration } from './register.ts';

export interface RegistrationStep {
  /** What to work with: of today, or of last time. */
  readonly known: Registration;
  /** Done when the node is registered today. Fails when it has become another one. */
  readonly service: Service;
}

/** How long a node that was here before waits for the API server at its start. */
const PATIENCE_MS = 1000;

/** Waits for the first registration of all as long as it takes. `register` is told whether this machine has never been registered. */
export async function registration(
  file: string,
  clock: Clock,
  register: (isFirst: boolean) => Promise<Registration>,
): Promise<RegistrationStep> {
  const before = await read(file);
  const today = register(before === undefined).then(async (given) => {
    if (given.uid !== before?.uid || given.podCIDR !== before.podCIDR)
      await writeFileAtomic(file, JSON.stringify(given), { durable: true });
    return given;
  });
  today.catch(() => {}); // whoever waits sees it
  const known = before ? await Promise.race([today, clock.sleep(PATIENCE_MS).then(() => before)]) : await today;
  return {
    known,
    service: {
      name: 'registration',
      async start() {
        const { podCIDR, uid } = await today;
        if (podCIDR !== known.podCIDR || uid !== known.uid)
          throw new Error(
            `the node is another one now: pods ${podCIDR} (${uid}), was ${known.podCIDR} (${known.uid}); start the agent again`,
          );
        return { failed: neverFails, stop: async () => {} };
      },
    },
  };
}

async function read(file: string): Promise<Registration | undefined> {
  try {
    const { uid, podCIDR } = JSON.parse(await readFile(file, 'utf8')) as Partial<Registration>;
    return typeof uid === 'string' && typeof podCIDR === 'string' ? { uid, podCIDR } : undefined;
  } catch {
    return undefined; // never registered, or the file is damaged: ask
  }
}
