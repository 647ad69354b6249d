// A further process in a running container: `runc exec` as our child, over real pipes or a pseudo-terminal of ours.
import { closeSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { sendSignal } from '../../kit/exec/index.ts';
import {
  openTerminal,
  pipeFromChild,
  pipeToChild,
  resizeTerminalOf,
  type SpawnedChild,
  spawnProgram,
  terminalSocket,
} from '../../kit/linux/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { runtimeMessage } from './conmon.ts';
import { readText } from './container-files.ts';
import { type ExecOptions, type RunningExec, RuntimeError } from './runtime.ts';

export interface ExecTarget {
  id: string;
  runtimePath: string;
  environment: Readonly<Record<string, string>>;
  runtimeArgs: readonly string[];
  /** Folder for this exec's small files; unique name in it. */
  file: string;
  /** The runtime sends the terminal here instead of copying: crun ends without the last that a program wrote. */
  sendsTerminal: boolean;
  /**
   * Kills a process by the number that a runtime with a kernel of its own gave it: the one that we see is only its stand-in, after whose
   * death it lives on.
   */
  killInside?: (pid: number) => void;
}

/** How long the streams may stay open after the process ended: a child of it that went to the background may hold them for ever. */
const DRAIN_MS = 1_000;

export function startExec(target: ExecTarget, options: ExecOptions): RunningExec {
  const specFile = `${target.file}.json`;
  const pidFile = `${target.file}.pid`;
  writeFileSync(specFile, JSON.stringify(options.process), { mode: 0o600 });
  const logFile = `${target.file}.log`;
  const innerFile = `${target.file}.inner`;
  const inner = target.killInside ? ['--internal-pid-file', innerFile] : [];
  const socketFile = `${target.file}.tty`;
  const isSent = options.process.terminal === true && target.sendsTerminal;
  const files = ['--process', specFile, '--pid-file', pidFile, ...inner, ...(isSent ? ['--console-socket', socketFile] : [])];
  const args = [...target.runtimeArgs, '--log', logFile, 'exec', ...files, target.id];
  const wiring = isSent
    ? sentTerminalWiring(socketFile, options)
    : options.process.terminal
      ? terminalWiring(options)
      : pipeWiring(options.stdin);
  let child: SpawnedChild;
  try {
    child = spawnProgram(target.runtimePath, args, { env: target.environment, stdio: wiring.stdio });
  } catch (error) {
    for (const stream of [wiring.stdin, wiring.stdout, wiring.stderr]) stream?.destroy();
    void wiring.complete?.(false);
    rmSync(specFile, { force: true });
    throw error;
  } finally {
    for (const fd of new Set(wiring.stdio)) if (typeof fd === 'number') closeSync(fd);
  }
  const pid = () => Number(readText(pidFile) ?? 0);
  const finish = async (): Promise<number> => {
    const code = await child.exit;
    const started = pid() > 0;
    const complaint = started ? '' : (readText(logFile) ?? '');
    await wiring.complete?.(started);
    await drain([wiring.stdout, wiring.stderr]);
    for (const file of [specFile, pidFile, logFile, innerFile]) rmSync(file, { force: true });
    if (!started) throw new RuntimeError(runtimeMessage(complaint) || `exec failed with exit code ${code}`);
    return code;
  };
  const exit = finish();
  exit.catch(() => {}); // whoever does not care about the end need not handle it
  return {
    stdout: wiring.stdout,
    exit,
    ...(wiring.stdin ? { stdin: wiring.stdin } : {}),
    ...(wiring.stderr ? { stderr: wiring.stderr } : {}),
    resize(width, height) {
      wiring.resize?.(width, height);
      // our terminal is not the runtime's controlling one, so the kernel does not tell it; and crun would not pass it on
      child.kill('SIGWINCH');
      if (pid() > 0) resizeTerminalOf(pid(), width, height);
    },
    kill() {
      const innerPid = Number(readText(innerFile) ?? 0);
      if (innerPid > 0) target.killInside?.(innerPid);
      else if (pid() > 0) sendSignal(pid(), 'SIGKILL');
      else child.kill('SIGKILL');
    },
  };
}

interface Wiring {
  stdio: ('ignore' | number)[];
  stdin?: Writable;
  stdout: Readable;
  stderr?: Readable;
  resize?: (width: number, height: number) => void;
  /** Called after the runtime's end: resolves when what is on its way has come. */
  complete?: (started: boolean) => Promise<void>;
}

function terminalWiring({ width, height }: ExecOptions): Wiring {
  const terminal = openTerminal(width, height);
  const { slaveFd, input, output } = terminal;
  return { stdio: [slaveFd, slaveFd, slaveFd], stdin: terminalInput(input), stdout: output, resize: terminal.resize };
}

function sentTerminalWiring(path: string, { width = 80, height = 24 }: ExecOptions): Wiring {
  const socket = terminalSocket(path);
  const stdout = new PassThrough();
  let size = { width, height };
  const resize = () => void socket.terminal.then((terminal) => terminal.resize(size.width, size.height)).catch(() => {});
  socket.terminal.then(
    ({ output }) => output.pipe(stdout),
    () => stdout.end(),
  );
  stdout.once('close', () => void socket.terminal.then(({ output }) => output.destroy()).catch(() => {}));
  resize();
  const send = (chunk: Buffer | string, done: () => void) =>
    void socket.terminal.then(
      ({ input }) => writeIfOpen(input, chunk, done),
      () => done(), // the program was never started
    );
  return {
    stdio: ['ignore', 'ignore', 'ignore'],
    stdin: new Writable({ write: (chunk, _encoding, done) => send(chunk, done), final: (done) => send(END_OF_TRANSMISSION, done) }),
    stdout,
    resize(columns, rows) {
      size = { width: columns, height: rows };
      resize();
    },
    async complete(started) {
      const stop = new AbortController();
      const late = systemClock.sleep(DRAIN_MS, stop.signal).catch(() => {});
      if (started) await Promise.race([socket.terminal.catch(() => {}), late]); // it was sent before the program began
      stop.abort();
      socket.close();
    },
  };
}

const END_OF_TRANSMISSION = '\x04';

/** Its end is Ctrl-D to the program, and not the end of the output, which comes over the same descriptor. */
function terminalInput(stream: Writable): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => writeIfOpen(stream, chunk, done),
    final: (done) => writeIfOpen(stream, END_OF_TRANSMISSION, done),
  });
}

function writeIfOpen(stream: Writable, chunk: Buffer | string, done: () => void): void {
  if (stream.writable) stream.write(chunk, () => done());
  else done(); // the program ended first
}

function pipeWiring(withStdin: boolean): Wiring {
  // Without input a pipe that has ended, not /dev/null: crun 1.8 would give the machine's own to the command's user.
  const stdin = pipeToChild();
  const stdout = pipeFromChild();
  const stderr = pipeFromChild();
  stdin.stream.on('error', () => {}); // EPIPE: the process does not read
  if (!withStdin) stdin.stream.destroy();
  return {
    stdio: [stdin.fd, stdout.fd, stderr.fd],
    stdout: stdout.stream,
    stderr: stderr.stream,
    ...(withStdin ? { stdin: stdin.stream } : {}),
  };
}

/**
 * Waits until the streams have ended, so that whoever awaits the exit has all output. A stream on which nothing more comes though its
 * reader is ready is held by a background process, and is dropped.
 */
async function drain(streams: readonly (Readable | undefined)[]): Promise<void> {
  await Promise.all(streams.map((stream) => stream && drainOne(stream)));
}

async function drainOne(stream: Readable): Promise<void> {
  const ended = new AbortController();
  const onEnd = () => ended.abort();
  stream.once('end', onEnd).once('close', onEnd);
  let seen: number | undefined = -1;
  while (!ended.signal.aborted && !stream.destroyed && !stream.readableEnded) {
    const { bytesRead } = stream as Readable & { bytesRead?: number };
    const readerIsBusy = stream.readableLength > 0;
    if (bytesRead === seen && !readerIsBusy) break;
    seen = bytesRead;
    await systemClock.sleep(DRAIN_MS, ended.signal).catch(() => {});
  }
  stream.destroy();
}
