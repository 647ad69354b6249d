// A creation whose starter was killed goes on by itself: conmon, which has not written its pid yet, and the runtime that conmon started.
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { sendSignal } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { readText } from './container-files.ts';

const TIMEOUT_MS = 10_000;

/** Ends what still creates the container, so that nothing of it appears where its files were. @throws Error at the deadline */
export async function endStarters(id: string): Promise<void> {
  await waitFor({ what: `what creates container ${id} to end`, timeoutMs: TIMEOUT_MS, everyMs: 5 }, () => {
    const starters = startersOf(id);
    for (const pid of starters) sendSignal(pid, 'SIGKILL');
    return starters.length === 0;
  });
}

const startersOf = (id: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isStarter(readText(`/proc/${name}/cmdline`)?.split('\0') ?? [], id))
    .map(Number);

/** By the command line: ids are long and random. */
const isStarter = (words: readonly string[], id: string): boolean =>
  words.includes(id) && (basename(words[0] ?? '') === 'conmon' || words.includes('create'));
