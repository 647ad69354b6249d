// Where a container's files lie below the driver's folder, and what they say about its state. No process is asked.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { identify, isAlive } from '../../kit/exec/index.ts';
import { namesIn } from '../../kit/fs/index.ts';
import { bootId } from '../../kit/linux/index.ts';
import type { RuntimeState } from './runtime.ts';

/** Made after the process; the start time and the boot guard against a pid that was given to another. */
export interface ProcessRecord {
  pid: number;
  /** Clock ticks after boot. */
  startTime: string;
  bootId: string;
}

export class ContainerFiles {
  readonly root: string;
  constructor(root: string) {
    this.root = root;
  }
  get exits(): string {
    return `${this.root}/exits`;
  }
  /** The bundle; conmon also puts its attach socket, `ctl` fifo and `oom` mark there. */
  bundle(id: string): string {
    return `${this.root}/c/${id}`;
  }
  exitFile(id: string): string {
    return `${this.exits}/${id}`;
  }
  /** All that conmon wrote of the container's end: one that was killed while it wrote leaves `<id>.XXXXXX`. */
  exitFiles(id: string): string[] {
    const own = namesIn(this.exits).filter((name) => name === id || name.startsWith(`${id}.`));
    return own.map((name) => `${this.exits}/${name}`);
  }
  processFile(id: string): string {
    return `${this.bundle(id)}/process.json`;
  }
  /** Which of the driver's runtimes made it; not there for the default. */
  handlerFile(id: string): string {
    return `${this.bundle(id)}/handler`;
  }
  startedFile(id: string): string {
    return `${this.bundle(id)}/started`;
  }

  process(id: string): ProcessRecord | undefined {
    const text = readText(this.processFile(id));
    return text === undefined ? undefined : (JSON.parse(text) as ProcessRecord);
  }

  /** True while the very process runs that was recorded. */
  isRunning(id: string): boolean {
    const record = this.process(id);
    return record !== undefined && runs(record);
  }

  state(id: string): RuntimeState {
    if (!existsSync(this.bundle(id))) return { status: 'none' };
    const startedAtMs = modifiedMs(this.startedFile(id)) ?? 0;
    const exit = readText(this.exitFile(id));
    if (exit !== undefined) {
      const finishedAtMs = modifiedMs(this.exitFile(id)) ?? 0;
      return { status: 'exited', exitCode: Number(exit), startedAtMs, finishedAtMs, oomKilled: this.#oomKilled(id), lost: false };
    }
    const record = this.process(id);
    if (!record) return { status: 'none' }; // cut off while it was made
    if (runs(record)) return { status: startedAtMs ? 'running' : 'created', pid: record.pid, startedAtMs };
    // dead without an exit file: conmon is about to write one, unless it died too
    if (record.bootId === currentBoot() && this.isMonitored(id))
      return { status: startedAtMs ? 'running' : 'created', pid: record.pid, startedAtMs };
    if (existsSync(this.exitFile(id))) return this.state(id); // it came in between
    return {
      status: 'exited',
      exitCode: 137,
      startedAtMs,
      finishedAtMs: modifiedMs(this.processFile(id)) ?? 0,
      oomKilled: false,
      lost: true,
    };
  }

  #oomKilled(id: string): boolean {
    return existsSync(`${this.bundle(id)}/oom`) || existsSync(`${this.bundle(id)}/persist/oom`);
  }

  /** 0 when there is none. */
  monitorPid(id: string): number {
    return Number(readText(`${this.bundle(id)}/conmon.pid`) ?? 0);
  }

  /** Whether this container's conmon runs: by its pid and the id on its command line. */
  isMonitored(id: string): boolean {
    const pid = this.monitorPid(id);
    return identify(pid) !== undefined && (readText(`/proc/${pid}/cmdline`) ?? '').includes(id);
  }
}

const runs = ({ pid, startTime, bootId }: ProcessRecord): boolean => bootId === currentBoot() && isAlive({ pid, startTicks: startTime });

let boot: string | undefined;
export const currentBoot = (): string => (boot ??= bootId());

/** Undefined when it is not there, which is the usual case and must be cheap: an exception costs ten times the look. */
export function readText(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function modifiedMs(file: string): number | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat && Math.round(stat.mtimeMs);
}
