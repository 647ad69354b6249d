// The only place that starts short-lived processes. An error names command, exit code, stderr and duration.
import { execa } from 'execa';

export interface RunOptions {
  input?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** Default 30,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export class CommandError extends Error {
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly stdout: string;
  constructor(command: string, exitCode: number | undefined, stderr: string, stdout: string, durationMs: number, detail: string) {
    super(`${command}: ${detail} after ${Math.round(durationMs)} ms${stderr ? `: ${stderr.trim()}` : ''}`);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** Runs a command to its end. @throws CommandError on a non-zero exit, a signal, a deadline or a missing program. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await tryRun(file, args, options);
  if (result.failure) throw result.failure;
  return result;
}

/** Like {@link run} but returns the failure instead of throwing it. */
export async function tryRun(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult & { failure?: CommandError }> {
  const started = performance.now();
  const result = await execa(file, args, {
    reject: false,
    timeout: options.timeoutMs ?? 30_000,
    stripFinalNewline: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.env ? { env: options.env } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  const stdout = typeof result.stdout === 'string' ? result.stdout : '';
  const stderr = typeof result.stderr === 'string' ? result.stderr : '';
  const exitCode = result.exitCode ?? -1;
  if (!result.failed) return { stdout, stderr, exitCode };
  const detail = result.timedOut
    ? 'timed out'
    : result.isCanceled
      ? 'cancelled'
      : result.signal
        ? `killed by ${result.signal}`
        : result.exitCode === undefined
          ? (result.originalMessage ?? 'could not be started')
          : `exit code ${result.exitCode}`;
  return {
    stdout,
    stderr,
    exitCode,
    failure: new CommandError([file, ...args].join(' '), result.exitCode, stderr, stdout, performance.now() - started, detail),
  };
}
