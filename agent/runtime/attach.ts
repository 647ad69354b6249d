// Joins the streams of a container's first process through conmon's attach socket.
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { seqpacketStream } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import type { RunningExec } from './runtime.ts';

export interface AttachTarget {
  bundle: string;
  terminal: boolean;
  resize(width: number, height: number): void;
  /** Of the container: undefined while it runs. */
  exitCode(): number | undefined;
}

const STDOUT = 2;
const STDERR = 3;
const EXIT_FILE_TIMEOUT_MS = 5_000;

export async function attachTo(target: AttachTarget): Promise<RunningExec> {
  const socket = seqpacketStream(target.bundle, 'attach');
  const stdout = new PassThrough();
  const stderr = target.terminal ? undefined : new PassThrough();
  const left = Promise.withResolvers<void>();
  const leave = () => {
    stdout.end();
    stderr?.end();
    left.resolve();
  };
  route(socket, stdout, stderr);
  socket.on('error', () => socket.destroy());
  socket.once('end', leave).once('close', leave);
  return {
    stdin: socket,
    stdout,
    ...(stderr ? { stderr } : {}),
    resize: target.resize,
    exit: left.promise.then(() => exitCodeOf(target)),
    kill: () => void socket.destroy(),
  };
}

/** Each packet begins with a byte that says which stream it is of. A slow reader holds conmon's socket back, not our memory. */
function route(socket: Socket, stdout: PassThrough, stderr: PassThrough | undefined): void {
  socket.on('data', (packet: Buffer) => {
    const stream = packet[0] === STDERR ? (stderr ?? stdout) : packet[0] === STDOUT ? stdout : undefined;
    if (!stream || stream.write(packet.subarray(1))) return;
    socket.pause();
    stream.once('drain', () => socket.resume());
  });
}

/** The container's exit code if it ended, -1 if only the connection did. */
async function exitCodeOf(target: AttachTarget): Promise<number> {
  return await waitFor({ what: 'the exit file', timeoutMs: EXIT_FILE_TIMEOUT_MS }, () => {
    const code = target.exitCode();
    return code === undefined ? undefined : { code };
  }).then(
    ({ code }) => code,
    () => -1,
  );
}
