// Long-lived or streaming children: a raw spawn, because it is on the hot path of every container. Whoever starts one owns its end.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

export type { ChildProcess };

export interface StartOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'stdio' | 'detached'> {}

/** Resolves when the process runs. @throws Error (code ENOENT, ...) when it could not be started */
export async function start(file: string, args: readonly string[], options: StartOptions = {}): Promise<ChildProcess> {
  const child = spawn(file, args, options);
  if (child.pid === undefined) await once(child, 'spawn'); // rejects with the error event
  child.on('error', () => {}); // a failed kill must not end this process
  return child;
}

/** The exit code; 128 + signal number is not computed here: a signal gives -1. */
export async function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return child.exitCode;
  if (child.signalCode !== null) return -1;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? -1;
}
