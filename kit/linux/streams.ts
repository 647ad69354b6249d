// Node streams over descriptors that Node itself has no way to make: real pipes, pseudo-terminals, SEQPACKET sockets.
import { closeSync, constants, openSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { GiveUp, waitFor } from '../run/index.ts';
import { connectSeqpacket, ioctl, pipe, receiveDescriptor } from './syscalls.ts';

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const INPUT_FLAGS = 0;
const LOCAL_FLAGS = 12;

/** A pipe whose `read` end is a stream here and whose `write` end is a descriptor for a child. Close the descriptor after the start. */
export function pipeFromChild(): { stream: Socket; fd: number } {
  const { read, write } = pipe();
  return { stream: new Socket({ fd: read, readable: true, writable: false }), fd: write };
}

/** A pipe whose `write` end is a stream here and whose `read` end is a descriptor for a child. Close the descriptor after the start. */
export function pipeToChild(): { stream: Socket; fd: number } {
  const { read, write } = pipe();
  return { stream: new Socket({ fd: write, readable: false, writable: true }), fd: read };
}

export interface TerminalMaster {
  /** Write to it. */
  readonly input: Writable;
  /** Ends, without an error, when the last process on the other side is gone. */
  readonly output: Readable;
  resize(width: number, height: number): void;
}

export interface Terminal extends TerminalMaster {
  /** The child's side. Close it after the start. */
  readonly slaveFd: number;
}

/**
 * A pseudo-terminal of the present mount namespace's /dev/pts, raw from the start: what is typed before the program on the other side
 * has set it up must neither be echoed nor interpreted here.
 */
export function openTerminal(width = 80, height = 24): Terminal {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  ioctl(master, TIOCSPTLCK, Buffer.alloc(4));
  const number = Buffer.alloc(4);
  ioctl(master, TIOCGPTN, number);
  const slaveFd = openSync(`/dev/pts/${number.readUInt32LE()}`, constants.O_RDWR | constants.O_NOCTTY);
  makeRaw(slaveFd);
  const terminal = terminalOf(master);
  terminal.resize(width, height);
  return { ...terminal, slaveFd };
}

function terminalOf(master: number): TerminalMaster {
  let open = true;
  const resize = (columns: number, rows: number) => {
    if (open) ioctl(master, TIOCSWINSZ, windowSize(columns, rows));
  };
  const stream = new ReadStream(master);
  const output = new PassThrough();
  stream.on('data', (chunk: Buffer) => {
    if (output.write(chunk)) return;
    stream.pause();
    output.once('drain', () => stream.resume());
  });
  stream.on('error', () => stream.destroy()); // EIO is how a master learns that nobody is left
  stream.once('close', () => {
    open = false;
    output.end();
  });
  output.once('close', () => stream.destroy());
  return { input: stream, output, resize };
}

export interface TerminalSocket {
  /** Of the terminal that was sent. Rejects when something else was, or nothing before `close`. */
  readonly terminal: Promise<TerminalMaster>;
  close(): void;
}

const SEND_TIMEOUT_MS = 5_000;

/** A unix socket to which an OCI runtime sends the terminal that it made in a container (`--console-socket`). Listens from the start. */
export function terminalSocket(path: string): TerminalSocket {
  const { promise: terminal, resolve, reject } = Promise.withResolvers<TerminalMaster>();
  terminal.catch(() => {}); // whoever closes it need not wait
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    void descriptorFrom(fd)
      .then((master) => resolve(terminalOf(master)))
      .catch(reject)
      .finally(() => socket.destroy());
  });
  server.on('error', reject);
  server.listen(path);
  return {
    terminal,
    close() {
      server.close();
      reject(new Error('no terminal was sent'));
    },
  };
}

const descriptorFrom = (socket: number): Promise<number> =>
  waitFor({ what: 'a descriptor', timeoutMs: SEND_TIMEOUT_MS, everyMs: 1 }, () => {
    try {
      return receiveDescriptor(socket);
    } catch (error) {
      throw new GiveUp((error as Error).message, { cause: error });
    }
  });

/** Sets the size of the terminal that a process has as its stdin, wherever that was made. Nothing when it has none (any more). */
export function resizeTerminalOf(pid: number, width: number, height: number): void {
  try {
    const fd = openSync(`/proc/${pid}/fd/0`, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    try {
      ioctl(fd, TIOCSWINSZ, windowSize(width, height));
    } finally {
      closeSync(fd);
    }
  } catch {
    // it ended, or its stdin is something else
  }
}

/**
 * struct termios of the kernel: four 32-bit flag words (input, output, control, local), the line discipline, 19 control characters. Output
 * stays as it is: runc leaves it to this terminal to turn a newline into CR LF.
 */
function makeRaw(fd: number): void {
  const termios = Buffer.alloc(64);
  ioctl(fd, TCGETS, termios);
  for (const offset of [INPUT_FLAGS, LOCAL_FLAGS]) termios.writeUInt32LE(0, offset);
  ioctl(fd, TCSETS, termios);
}

function windowSize(width: number, height: number): Buffer {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(height, 0);
  size.writeUInt16LE(width, 2);
  return size;
}

/**
 * A SOCK_SEQPACKET connection as a stream: each `data` event is one packet, because libuv reads once for each. Node has no public way
 * to wrap such a descriptor, so the pipe handle is taken from process.binding: if that ever goes, only this function changes.
 */
export function seqpacketStream(folder: string, name: string): Socket {
  const directory = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const fd = connectSeqpacket(`/proc/self/fd/${directory}/${name}`); // a long path does not fit into a socket address
    const { Pipe, constants: kinds } = (process as unknown as { binding(name: 'pipe_wrap'): PipeWrap }).binding('pipe_wrap');
    const handle = new Pipe(kinds.SOCKET);
    handle.open(fd);
    return new Socket({ handle, allowHalfOpen: true } as object);
  } finally {
    closeSync(directory);
  }
}

interface PipeWrap {
  Pipe: new (kind: number) => { open(fd: number): void };
  constants: { SOCKET: number };
}
