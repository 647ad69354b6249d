// What a driver of a low-level runtime offers. Containers outlive this process: all state is in files below the driver's folder.
import type { Readable, Writable } from 'node:stream';
import type { OciProcess, OciSpec } from './oci.ts';

export interface Runtime {
  readonly name: string;
  /** Further runtimes that a container may ask for. */
  readonly handlers: readonly string[];
  version(): Promise<string>;
  /** Whether containers of the handler ('', or the default's own name, is the default) can join a pinned user namespace. */
  joinsUserNamespaces(handler: string): boolean;
  /** Where the caller mounts the root file system before create; delete unmounts it. */
  rootfsPath(id: string): string;
  /** Makes the process up to the point before its program runs. @throws RuntimeError with the runtime's own message */
  create(options: CreateOptions): Promise<void>;
  start(id: string): Promise<void>;
  /** From files and /proc alone: cheap, and right after a restart of this process. */
  state(id: string): RuntimeState;
  /** Sends a signal to the container's first process; false when it is not running. */
  kill(id: string, signal: NodeJS.Signals | number): boolean;
  /** Whether the signal would be lost on the container's first process now: it has no handler, perhaps because it has only just begun. */
  isDeafTo(id: string, signal: number): boolean;
  /** SIGKILLs every process of the container. */
  killAll(id: string): void;
  /** Removes all of it, killing first. Idempotent. */
  delete(id: string): Promise<void>;
  /** Ids that have a folder here, whatever their state. */
  list(): string[];
  /** The container's configuration; its first process is the pattern for further ones. Undefined when it is not there. */
  spec(id: string): OciSpec | undefined;
  exec(id: string, options: ExecOptions): Promise<RunningExec>;
  attach(id: string): Promise<RunningExec>;
  /** Terminal size of the container's first process. */
  resize(id: string, width: number, height: number): Promise<void>;
  /** Goes on with a new log file at the same path. */
  reopenLog(id: string): Promise<void>;
  /** Called once for each container that ends, soon after. Also for those that ended while nobody watched, when state() is asked. */
  onExit(listener: (id: string) => void): void;
  close(): void;
}

export interface CreateOptions {
  id: string;
  /** The container's name, for process listings. */
  name: string;
  spec: OciSpec;
  /** Absolute; CRI log format. */
  logPath: string;
  stdin: boolean;
  /** Keep stdin open when an attached client leaves. */
  keepStdinOpen: boolean;
  /** Which of the driver's runtimes; absent: the default. */
  handler?: string;
}

export type RuntimeState =
  | { status: 'none' }
  | { status: 'created' | 'running'; pid: number; startedAtMs: number }
  /** `lost`: it ended while its monitor was dead; the code is not known. */
  | { status: 'exited'; exitCode: number; startedAtMs: number; finishedAtMs: number; oomKilled: boolean; lost: boolean };

export interface ExecOptions {
  process: OciProcess;
  stdin: boolean;
  /** First terminal size. */
  width?: number;
  height?: number;
}

export interface RunningExec {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  /** Absent with a terminal. */
  readonly stderr?: Readable;
  resize(width: number, height: number): void;
  /** The exit code. Rejects with RuntimeError when the program could not be started. */
  readonly exit: Promise<number>;
  /** SIGKILLs the process (exec) or leaves (attach). */
  kill(): void;
}

export class RuntimeError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RuntimeError';
  }
}
