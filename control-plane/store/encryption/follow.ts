// A file that is taken over again whenever it has changed (kube-apiserver's --encryption-provider-config-automatic-reload).
import { readFileSync } from 'node:fs';
import { repeat } from '../../../kit/run/index.ts';

const LOOK_MS = 5_000;

/** `told`: of each change, what was wrong with it, if anything. Returns how to end it. */
export function follow(path: string, take: () => void, told: (error: Error | undefined) => void, everyMs = LOOK_MS): () => void {
  const read = (): string | undefined => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined; // being replaced: looked at again
    }
  };
  let known = read();
  const look = () => {
    const now = read();
    if (now === undefined || now === known) return;
    known = now;
    take();
    told(undefined);
  };
  return repeat(everyMs, look, (error) => told(error as Error)).stop;
}
