// Exec, Attach and PortForward: the runtime hands out a URL of its streaming server, whose streams become a session.
import type { Duplex } from 'node:stream';
import { type CommandStatus, connectForwardedPort, connectRemoteCommand, type WantedStreams } from '../../kit/net/index.ts';
import { CriError, type ExecResult, type Session, type StreamOptions } from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { type Connection, REQUEST_TIMEOUT_MS } from './connection.ts';

const OUTPUT_BYTES_MAX = 16 << 20;

export async function execSync(
  connection: Connection,
  containerId: string,
  cmd: readonly string[],
  timeoutMs: number,
  outputBytesMax = OUTPUT_BYTES_MAX,
): Promise<ExecResult> {
  const answer = await connection
    .call<wire.ExecSyncResponse>(
      'RuntimeService',
      'ExecSync',
      { containerId, cmd, timeout: Math.ceil(timeoutMs / 1000) },
      { timeoutMs: timeoutMs + REQUEST_TIMEOUT_MS, reason: 'RunContainerError' },
    )
    .catch((error: unknown) => {
      throw isLate(error) ? new CriError('DeadlineExceeded', (error as Error).message, error) : error;
    });
  const cut = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).subarray(0, outputBytesMax);
  return { stdout: cut(answer.stdout), stderr: cut(answer.stderr), exitCode: answer.exitCode ?? 0 };
}

/** Runtimes differ in the code, not in the words. */
const isLate = (error: unknown): boolean => error instanceof CriError && /context deadline exceeded|timed out/.test(error.message);

export async function exec(connection: Connection, containerId: string, cmd: readonly string[], options: StreamOptions): Promise<Session> {
  const streams = wantedStreams(options);
  const { url = '' } = await connection.call<wire.ExecResponse>('RuntimeService', 'Exec', { containerId, cmd, ...streams });
  return await join(connection, url, streams, options, execEnd);
}

/** `ended`: the container's exit code, -1 while it runs. */
export async function attach(
  connection: Connection,
  containerId: string,
  options: StreamOptions,
  ended: () => Promise<number>,
): Promise<Session> {
  const streams = wantedStreams(options);
  const { url = '' } = await connection.call<wire.AttachResponse>('RuntimeService', 'Attach', { containerId, ...streams });
  return await join(connection, url, streams, options, ended);
}

export async function openPort(connection: Connection, podSandboxId: string, port: number): Promise<Duplex> {
  const { url = '' } = await connection.call<wire.PortForwardResponse>('RuntimeService', 'PortForward', { podSandboxId, port: [port] });
  try {
    return await connectForwardedPort(url, port, connection.connectStream);
  } catch (error) {
    throw Object.assign(error as Error, /connection refused|exit status 1/.test((error as Error).message) ? { code: 'ECONNREFUSED' } : {});
  }
}

/** With a terminal there is no stderr; a runtime wants at least one stream. */
const wantedStreams = ({ stdin, stdout, stderr, tty }: StreamOptions): WantedStreams => ({
  stdin: stdin === true,
  stdout: stdout !== false,
  stderr: stderr !== false && tty !== true,
  tty: tty === true,
});

async function join(
  { connectStream }: Connection,
  url: string,
  streams: WantedStreams,
  { width, height }: StreamOptions,
  end: (status: CommandStatus | undefined) => Promise<number>,
): Promise<Session> {
  const remote = await connectRemoteCommand(url, streams, connectStream);
  if (streams.tty && width && height) remote.resize(width, height);
  const exit = remote.status.then(end);
  exit.catch(() => {}); // the caller may have gone
  return {
    ...(remote.stdin ? { stdin: remote.stdin } : {}),
    ...(remote.stdout ? { stdout: remote.stdout } : {}),
    ...(remote.stderr ? { stderr: remote.stderr } : {}),
    resize: remote.resize,
    exit,
    close: remote.close,
  };
}

const PREFIX = 'error executing command in container: ';

async function execEnd(status: CommandStatus | undefined): Promise<number> {
  if (!status) return -1;
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code !== undefined) return Number(code);
  throw new CriError('RunContainerError', (status.message ?? 'the command failed').split(PREFIX).at(-1)!);
}
