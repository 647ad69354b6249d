// Node streams over descriptors that Node itself has no way to make: real pipes, pseudo-terminals, SEQPACKET sockets.
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { connectSeqpacket, ioctl, pipe } from './syscalls.ts';

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;

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

export interface Terminal {
  /** Both directions. Ends (without an error) when the last process on the other side is gone. */
  readonly stream: ReadStream;
  /** The child's side. Close it after the start. */
  readonly slaveFd: number;
  resize(width: number, height: number): void;
}

/** A pseudo-terminal of the present mount namespace's /dev/pts. */
export function openTerminal(width = 80, height = 24): Terminal {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  ioctl(master, TIOCSPTLCK, Buffer.alloc(4));
  const number = Buffer.alloc(4);
  ioctl(master, TIOCGPTN, number);
  const slaveFd = openSync(`/dev/pts/${number.readUInt32LE()}`, constants.O_RDWR | constants.O_NOCTTY);
  let open = true;
  const resize = (columns: number, rows: number) => {
    if (open) ioctl(master, TIOCSWINSZ, windowSize(columns, rows));
  };
  resize(width, height);
  const stream = new ReadStream(master);
  stream.once('close', () => {
    open = false;
  });
  stream.on('error', () => stream.destroy()); // EIO is how a master learns that nobody is left
  return { stream, slaveFd, resize };
}

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
