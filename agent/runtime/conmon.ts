// Starts conmon, which lets the runtime create a container and then holds its log pipe, its exit code and its attach socket, whatever
// becomes of this process. Its parent process ends at once; the sync pipe tells how the creation went.
import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { pipeFromChild, type SpawnedChild, spawnProgram } from '../../kit/linux/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { RuntimeError } from './runtime.ts';

export interface ConmonOptions {
  id: string;
  name: string;
  runtimePath: string;
  runtimeArgs: readonly string[];
  environment: Readonly<Record<string, string>>;
  bundle: string;
  logPath: string;
  exitDir: string;
  terminal: boolean;
  stdin: boolean;
  keepStdinOpen: boolean;
}

const CREATE_TIMEOUT_MS = 60_000;
const ANSWERED = new Error('answered');

/** Pure: conmon's command line. */
export function conmonArguments(o: ConmonOptions): string[] {
  const args = ['--api-version', '1', '--cid', o.id, '--cuuid', o.id, '--name', o.name, '--runtime', o.runtimePath];
  for (const arg of o.runtimeArgs) args.push('--runtime-arg', arg);
  args.push('--bundle', o.bundle, '--container-pidfile', `${o.bundle}/pidfile`, '--conmon-pidfile', `${o.bundle}/conmon.pid`);
  args.push('--persist-dir', `${o.bundle}/persist`, '--exit-dir', o.exitDir, '--log-path', `k8s-file:${o.logPath}`);
  args.push('--full-attach', '--no-sync-log', '--log-level', 'error');
  if (o.terminal) args.push('--terminal');
  if (o.stdin) args.push('--stdin');
  if (o.keepStdinOpen) args.push('--leave-stdin-open');
  return args;
}

/** Creates the container; returns its first process's pid. @throws RuntimeError with the runtime's message */
export async function createUnderConmon(options: ConmonOptions): Promise<number> {
  const { child, sync } = startConmon(options);
  try {
    const answer = await firstLine(sync, CREATE_TIMEOUT_MS);
    if (answer === undefined) throw new RuntimeError(`conmon ended without an answer (exit code ${await child.exit})`);
    const { data, message } = JSON.parse(answer) as { data: number; message?: string };
    if (data <= 0) throw new RuntimeError(runtimeMessage(message ?? `create failed (${data})`));
    return data;
  } finally {
    sync.destroy();
  }
}

function startConmon(options: ConmonOptions): { child: SpawnedChild; sync: Socket } {
  const { stream: sync, fd } = pipeFromChild();
  try {
    const env = { ...options.environment, _OCI_SYNCPIPE: '3' };
    const child = spawnProgram('conmon', conmonArguments(options), { cwd: options.bundle, env, stdio: ['ignore', 'ignore', 'ignore', fd] });
    return { child, sync };
  } catch (error) {
    sync.destroy();
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The first line that comes, undefined at an early end. @throws RuntimeError after the deadline */
async function firstLine(stream: Socket, timeoutMs: number): Promise<string | undefined> {
  const stop = new AbortController();
  const line = new Promise<string | undefined>((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    stream.on('end', () => resolve(text === '' ? undefined : text));
    stream.on('error', reject);
  });
  const deadline = systemClock.sleep(timeoutMs, stop.signal).then(
    () => {
      throw new RuntimeError(`conmon gave no answer within ${timeoutMs} ms`);
    },
    () => undefined,
  );
  try {
    return await Promise.race([line, deadline]);
  } finally {
    stop.abort(ANSWERED);
  }
}

/** The sentence in what a runtime writes to stderr: runc logs `time=… level=error msg="…"` or JSON, crun plain lines. */
export function runtimeMessage(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const last = lines.findLast((line) => line.trim() !== '') ?? stderr;
  const quoted = /level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"/.exec(last);
  if (quoted) return unquote(quoted[1]!);
  const json = /^\{.*"msg":/.test(last) ? (JSON.parse(last) as { msg: string }).msg : undefined;
  return json ?? last.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z?: /, '').trim();
}

const unquote = (text: string): string => text.replace(/\\(["\\])/g, '$1');
