// Starts processes that outlive us: detached, in a cgroup and namespaces from their first instruction, output to a file.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

export interface DaemonOptions {
  argv: readonly [string, ...string[]];
  /** `cgroup.procs` files that the process enters before it runs its program: it is never seen outside of them. */
  cgroupProcs: readonly string[];
  logFile: string;
  env?: Record<string, string>;
}

/**
 * Starts the process and returns its pid. A shell enters the cgroups and then becomes the program, so that no child can escape
 * the tree that `down` empties.
 */
export function startDaemon(options: DaemonOptions): number {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a');
  try {
    const enter = options.cgroupProcs.map((_, i) => `echo $$ > "$${'{'}WHERRY_CGROUP_${i}}" || exit 125`).join('; ');
    const script = `${enter}${enter ? '; ' : ''}exec "$@"`;
    const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
    options.cgroupProcs.forEach((path, i) => {
      env[`WHERRY_CGROUP_${i}`] = path;
    });
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...options.argv], { detached: true, stdio: ['ignore', log, log], env, cwd: '/' });
    child.on('error', () => {}); // seen by whoever waits for the process to be ready
    if (child.pid === undefined) throw new Error(`cannot start ${options.argv.join(' ')}`);
    child.unref();
    return child.pid;
  } finally {
    closeSync(log);
  }
}
