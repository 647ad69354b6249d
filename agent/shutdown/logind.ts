// systemd's logind: it is asked to wait a little before the machine goes down, and says when it is about to.
import { createInterface } from 'node:readline';
import { type ChildProcess, exitOf, start, tryRun } from '../../kit/exec/index.ts';
import type { Logger } from '../../kit/run/index.ts';

const PROPERTY = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager', 'InhibitDelayMaxUSec'];
const MATCH = "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'";
const ASK_TIMEOUT_MS = 5000;

/** How long it lets itself be held up, in milliseconds; undefined: there is none here. */
export async function longestDelayMs(): Promise<number | undefined> {
  try {
    const { exitCode, stdout } = await tryRun('busctl', ['get-property', ...PROPERTY], { timeoutMs: ASK_TIMEOUT_MS });
    return exitCode === 0 ? delayOf(stdout) : undefined;
  } catch {
    return undefined; // no busctl
  }
}

/** `t 5000000`, microseconds. Pure. */
export function delayOf(answer: string): number | undefined {
  const microseconds = /^t (\d+)\s*$/.exec(answer)?.[1];
  return microseconds === undefined ? undefined : Number(microseconds) / 1000;
}

/** A line of `busctl monitor --json=short`: whether the machine goes down (true), or stays up after all (false). Pure. */
export function announcement(line: string): boolean | undefined {
  try {
    const { member, payload } = JSON.parse(line) as { member?: string; payload?: { data?: unknown[] } };
    const [goesDown] = member === 'PrepareForShutdown' ? (payload?.data ?? []) : [];
    return typeof goesDown === 'boolean' ? goesDown : undefined;
  } catch {
    return undefined; // no message
  }
}

/** Holds the machine up until `release`. The lock's process reads from us: it goes when we do, also by kill -9. */
export async function delayShutdown(): Promise<{ release(): Promise<void> }> {
  const why = ['--what=shutdown', '--mode=delay', '--who=wherry', '--why=Pods end before the node does'];
  const child = await start('systemd-inhibit', [...why, 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
  return {
    async release() {
      child.stdin?.end();
      await exitOf(child);
    },
  };
}

/** Follows its announcements until `stop`; `onEnd`: it says nothing any more. */
export async function followShutdowns(onAnnouncement: (goesDown: boolean) => void, onEnd: () => void): Promise<{ stop(): void }> {
  const child: ChildProcess = await start('busctl', ['monitor', '--json=short', `--match=${MATCH}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => {
    const goesDown = announcement(line);
    if (goesDown !== undefined) onAnnouncement(goesDown);
  });
  child.once('exit', onEnd);
  return {
    stop() {
      child.off('exit', onEnd);
      child.kill();
    },
  };
}

/** A lock that is shorter than what the pods may take: only the machine's owner can change that. */
export function warnOfShortDelay(log: Logger, delayMs: number, wantedMs: number): void {
  if (delayMs < wantedMs)
    log.warn({ delayMs, wantedMs }, 'logind waits less than shutdownGracePeriod: set InhibitDelayMaxSec in /etc/systemd/logind.conf.d/');
}
