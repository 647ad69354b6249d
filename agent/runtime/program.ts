// A low-level runtime: which program, with which arguments of the user's, and what is known of its habits.
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { run, tryRun } from '../../kit/exec/index.ts';
import { SealedProgram } from '../../kit/linux/index.ts';
import { RuntimeError } from './runtime.ts';

/** Any OCI runtime. */
export interface RuntimeProgram {
  /** A name in PATH (`runc`) or an absolute path. */
  path: string;
  /** Global arguments, before the command: `--platform=systrap`. */
  args?: readonly string[];
}

const COMMAND_TIMEOUT_MS = 60_000;
const pathOf = new Map<string, Promise<string>>();
const sealed = new Map<string, SealedProgram>();

export class Program {
  /** `runc`, `crun`: how they wait between create and start is known; of any other runtime only its commands are. */
  readonly kind: 'runc' | 'crun' | 'other';
  readonly name: string;
  /** gVisor: what runs in a container has no process of its own on the machine. */
  readonly hasOwnKernel: boolean;
  readonly #path: string;
  readonly #args: readonly string[];

  constructor({ path, args = [] }: RuntimeProgram) {
    this.name = basename(path);
    this.kind = this.name === 'runc' || this.name === 'crun' ? this.name : 'other';
    this.hasOwnKernel = this.name === 'runsc';
    this.#path = path;
    this.#args = args;
  }

  /** Arguments before the command; `root` holds the runtime's own state. */
  globalArguments(root: string): string[] {
    return [...this.#args, '--root', root];
  }

  /**
   * What it is started with. runc's few milliseconds are shorter with one thread at work than with several that wake each other; another
   * program may go on as a container's whole kernel.
   */
  get environment(): Readonly<Record<string, string>> {
    const path = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
    return this.kind === 'runc' ? { ...path, GOMAXPROCS: '1' } : path;
  }

  /**
   * The full path, which conmon wants. crun protects itself from its containers: at each start it mounts itself read-only and executes
   * itself once more, unless it is a sealed copy already, which saves 3 of 15 ms. (runc does the same and gains nothing.) Where SELinux
   * rules, a program must be the file that its policy knows.
   * @throws RuntimeError when it is not installed
   */
  async path(): Promise<string> {
    const file = await this.#installed();
    if (this.kind !== 'crun' || existsSync('/sys/fs/selinux/enforce')) return file;
    let program = sealed.get(file);
    if (!program) sealed.set(file, (program = new SealedProgram(file)));
    return program.path();
  }

  async #installed(): Promise<string> {
    const known = pathOf.get(this.#path);
    if (known) return await known;
    const found = tryRun('sh', ['-c', 'command -v "$1"', 'sh', this.#path]).then(({ stdout, failure }) => {
      if (!failure) return stdout.trim();
      pathOf.delete(this.#path); // it may be installed later
      throw new RuntimeError(`${this.#path} is not installed`);
    });
    pathOf.set(this.#path, found);
    return await found;
  }

  async version(): Promise<string> {
    const { stdout } = await run(await this.path(), ['--version']);
    return /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  }

  /** Runs one of the standard's commands. @throws CommandError */
  async command(root: string, args: readonly string[]): Promise<string> {
    const { stdout } = await run(await this.path(), [...this.globalArguments(root), ...args], { timeoutMs: COMMAND_TIMEOUT_MS });
    return stdout;
  }
}
