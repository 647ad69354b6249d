// ExecSync, Exec and Attach: further processes in a container, and the streams of its first one.
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import type { OciProcess, RunningExec } from '../runtime/index.ts';
import { type CriContext, messageOf, mustContainer, newId } from './context.ts';
import { CriError, type ExecResult, type Session, type StreamOptions } from './cri.ts';
import type { ContainerRecord } from './records.ts';

const OUTPUT_BYTES_MAX = 16 << 20;
const EXIT_TIMEOUT_MS = 10_000;

export async function execSync(
  context: CriContext,
  id: string,
  command: readonly string[],
  timeoutMs: number,
  outputBytesMax = OUTPUT_BYTES_MAX,
): Promise<ExecResult> {
  const running = await startIn(context, id, command, {});
  const stdout = collect(running.stdout, outputBytesMax);
  const stderr = collect(running.stderr!, outputBytesMax);
  const stop = new AbortController();
  const deadline =
    timeoutMs > 0
      ? systemClock.sleep(timeoutMs, stop.signal).then(
          () => 'late' as const,
          () => 'stopped' as const,
        )
      : new Promise<never>(() => {});
  const ended = await Promise.race([
    running.exit.then(
      (code) => ({ code }),
      (error: unknown) => ({ error }),
    ),
    deadline,
  ]);
  stop.abort();
  if (typeof ended === 'string') {
    running.kill();
    throw new CriError('DeadlineExceeded', `failed to exec in container: timeout ${timeoutMs / 1000}s exceeded: context deadline exceeded`);
  }
  if ('error' in ended) throw execError(ended.error);
  return { stdout: await stdout, stderr: await stderr, exitCode: ended.code };
}

export async function exec(context: CriContext, id: string, command: readonly string[], options: StreamOptions): Promise<Session> {
  const running = await startIn(context, id, command, options);
  const exit = running.exit.catch((error: unknown) => {
    throw execError(error);
  });
  exit.catch(() => {}); // the caller may have gone
  return { ...streamsOf(running, options), exit, close: () => endSession(running, true) };
}

export async function attach(context: CriContext, id: string, options: StreamOptions): Promise<Session> {
  const record = mustRun(context, id);
  let running: RunningExec;
  try {
    running = await context.runtime.attach(id);
  } catch (error) {
    throw new CriError('Unknown', `failed to attach container: ${messageOf(error)}`, error);
  }
  if (options.width && options.height) running.resize(options.width, options.height);
  const withStdin = { ...options, stdin: options.stdin === true && record.config.stdin === true };
  const { stdinOnce = false, tty = false } = record.config;
  const exit = running.exit.then((code) => recordedCode(context, id, code));
  const left = withStdin.stdin && (!stdinOnce || tty) ? leaving(running, exit) : undefined;
  return {
    ...streamsOf(running, withStdin),
    exit: left ? Promise.race([exit, left]) : exit,
    close: () => endSession(running, false),
  };
}

/** How long the last answers of a container whose client has said all are waited for. */
const LAST_ANSWERS_MS = 1000;

/** A container whose input stays open goes on when one client has said all: it is the client that leaves. */
async function leaving(running: RunningExec, exit: Promise<number>): Promise<number> {
  const ended = new AbortController();
  exit.then(
    () => ended.abort(),
    () => ended.abort(),
  );
  return await once(running.stdin!, 'finish', { signal: ended.signal })
    .then(() => systemClock.sleep(LAST_ANSWERS_MS, ended.signal))
    .then(
      () => {
        running.kill();
        return -1;
      },
      () => exit,
    );
}

/** The runtime's files go soon after the end: the record has the code. */
async function recordedCode(context: CriContext, id: string, seen: number): Promise<number> {
  if (seen >= 0) return seen;
  if (context.runtime.state(id).status === 'running') return -1;
  const exit = await waitFor({ what: `the exit of ${id}`, timeoutMs: EXIT_TIMEOUT_MS }, () => context.containers.get(id)?.exit).catch(
    () => undefined,
  );
  return exit?.code ?? -1;
}

function mustRun(context: CriContext, id: string): ContainerRecord {
  const record = mustContainer(context, id);
  if (record.exit || context.runtime.state(id).status !== 'running') throw new CriError('Unknown', `container is not running: ${id}`);
  return record;
}

async function startIn(context: CriContext, id: string, command: readonly string[], options: StreamOptions): Promise<RunningExec> {
  const record = mustRun(context, id);
  const { width, height } = options;
  try {
    return await context.runtime.exec(id, {
      process: processOf(context, record, command, options),
      stdin: options.stdin === true,
      ...(width ? { width } : {}),
      ...(height ? { height } : {}),
    });
  } catch (error) {
    throw execError(error);
  }
}

const execError = (error: unknown): CriError =>
  error instanceof CriError
    ? error
    : new CriError(
        'RunContainerError',
        `failed to exec in container: failed to start exec "${newId()}": OCI runtime exec failed: ${messageOf(error)}: unknown`,
        error,
      );

/** As the first process, with another command. */
function processOf(context: CriContext, record: ContainerRecord, command: readonly string[], options: StreamOptions): OciProcess {
  const terminal = options.tty === true;
  const process = context.runtime.spec(record.id)?.process;
  if (!process) throw new CriError('Unknown', `container is not running: ${record.id}`);
  const env = terminal && !process.env.some((e) => e.startsWith('TERM=')) ? [...process.env, 'TERM=xterm'] : process.env;
  const consoleSize = terminal ? { consoleSize: { width: options.width ?? 80, height: options.height ?? 24 } } : {};
  return { ...process, env, terminal, ...consoleSize, args: [...command] };
}

function streamsOf(running: RunningExec, options: StreamOptions): Pick<Session, 'stdin' | 'stdout' | 'stderr' | 'resize'> {
  // a stream that the client does not want must be read all the same, or the process would block
  if (options.stdout === false && !(options.tty && options.stdin)) running.stdout.resume();
  if (options.stderr === false) running.stderr?.resume();
  return {
    ...(options.stdin && running.stdin ? { stdin: running.stdin } : {}),
    ...(options.stdout === false ? {} : { stdout: running.stdout }),
    ...(options.stderr === false || !running.stderr ? {} : { stderr: running.stderr }),
    resize: (width, height) => running.resize(width, height),
  };
}

function endSession(running: RunningExec, kill: boolean): void {
  if (kill) running.kill();
  running.stdin?.destroy();
  running.stdout.destroy();
  running.stderr?.destroy();
  if (!kill) running.kill();
}

async function collect(stream: Readable, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let left = bytesMax;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    if (left > 0) chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
  });
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  return Buffer.concat(chunks);
}
