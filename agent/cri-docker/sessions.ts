// Exec and attach: Docker's hijacked connections as sessions.
import { type Duplex, PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { sendSignal } from '../../kit/exec/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { CriError, type ExecResult, type Session, type StreamOptions } from '../cri/index.ts';
import { asked } from './errors.ts';

const OUTPUT_BYTES_MAX = 16 << 20;
/** How Docker says on stdout that the command could not be started. */
const NOT_STARTED = 'OCI runtime exec failed: ';

export async function exec(docker: Docker, id: string, command: readonly string[], options: StreamOptions): Promise<Session> {
  const { stdin = false, tty = false, width, height } = options;
  const made = await asked(
    docker.getContainer(id).exec({ Cmd: [...command], AttachStdin: stdin, AttachStdout: true, AttachStderr: !tty, Tty: tty }),
  );
  const stream = await asked(made.start({ hijack: true, stdin, Tty: tty }));
  if (tty && width && height) await made.resize({ w: width, h: height }).catch(() => {}); // it may have ended
  const streams = split(docker, stream, options);
  const exit = streams.ended.then(async () => (await made.inspect()).ExitCode ?? -1);
  exit.catch(() => {});
  return {
    ...streams.session,
    resize: (w, h) => void made.resize({ w, h }).catch(() => {}),
    exit,
    close() {
      void made.inspect().then(({ Pid, Running }) => Running && Pid > 0 && sendSignal(Pid, 'SIGKILL'));
      stream.destroy();
    },
  };
}

export async function execSync(
  docker: Docker,
  id: string,
  command: readonly string[],
  timeoutMs: number,
  outputBytesMax = OUTPUT_BYTES_MAX,
): Promise<ExecResult> {
  const session = await exec(docker, id, command, {});
  const outputs = Promise.all([collect(session.stdout!, outputBytesMax), collect(session.stderr!, outputBytesMax)]);
  const stop = new AbortController();
  const late = systemClock.sleep(timeoutMs > 0 ? timeoutMs : 2 ** 31 - 1, stop.signal).then(
    () => undefined,
    () => undefined,
  );
  const exitCode = await Promise.race([session.exit, late]);
  stop.abort();
  if (exitCode === undefined) {
    session.close();
    throw new CriError('DeadlineExceeded', `failed to exec in container: timeout ${timeoutMs / 1000}s exceeded: context deadline exceeded`);
  }
  const [stdout, stderr] = await outputs;
  if ((exitCode === 126 || exitCode === 127) && stdout.toString().startsWith(NOT_STARTED))
    throw new CriError('RunContainerError', `failed to exec in container: ${stdout.toString().trim()}`);
  return { stdout, stderr, exitCode };
}

export async function attach(docker: Docker, id: string, options: StreamOptions): Promise<Session> {
  const { stdin = false, width, height } = options;
  const container = docker.getContainer(id);
  const inspected = await asked(container.inspect());
  if (!inspected.State.Running) throw new CriError('Unknown', `container is not running: ${id}`);
  const { Tty: tty, OpenStdin } = inspected.Config;
  const stream = await asked(container.attach({ stream: true, stdin: stdin && OpenStdin, stdout: true, stderr: true, hijack: true }));
  if (tty && width && height) await container.resize({ w: width, h: height }).catch(() => {});
  const streams = split(docker, stream as Duplex, { ...options, tty, stdin: stdin && OpenStdin });
  const exit = streams.ended.then(async () => {
    const { Running } = (await container.inspect()).State;
    return Running ? -1 : (await container.inspect()).State.ExitCode;
  });
  exit.catch(() => {}); // it may have been removed
  return { ...streams.session, resize: (w, h) => void container.resize({ w, h }).catch(() => {}), exit, close: () => void stream.end() };
}

/** Without a terminal the connection carries both outputs in frames. A slow reader holds the connection back. */
function split(docker: Docker, stream: Duplex, { stdin, tty, stdout: wantsOut, stderr: wantsErr }: StreamOptions) {
  const stdout = new PassThrough();
  const stderr = tty ? undefined : new PassThrough();
  stream.on('error', () => stream.destroy());
  if (stderr) docker.modem.demuxStream(stream, stdout, stderr);
  else stream.pipe(stdout, { end: false });
  const ended = finished(stream, { writable: false })
    .catch(() => {})
    .then(() => {
      stdout.end();
      stderr?.end();
    });
  if (wantsOut === false) stdout.resume();
  if (wantsErr === false) stderr?.resume();
  const session = {
    ...(stdin ? { stdin: stream } : {}),
    ...(wantsOut === false ? {} : { stdout }),
    ...(wantsErr === false || !stderr ? {} : { stderr }),
  };
  return { ended, session };
}

async function collect(stream: NodeJS.ReadableStream, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let left = bytesMax;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (left > 0) chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}
