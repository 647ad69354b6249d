// The driver for OCI runtimes under conmon. Everything it knows is in files, so a restarted agent is no different from this one.
//   <root>/c/<id>/     bundle: config.json, rootfs, pidfile, process.json, started, ctl, attach, persist/
//   <root>/exits/<id>  exit code, written by conmon   <root>/r/, r-<handler>/  the runtimes' own state   <root>/x/  execs under way
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { CommandError, identify, sendSignal } from '../../kit/exec/index.ts';
import { writeFileAtomicSync } from '../../kit/fs/index.ts';
import {
  cgroups,
  hideUnifiedCgroup,
  isDeafTo,
  isMounted,
  isOfSystemd,
  type PodCgroups,
  pathOfOci,
  removeTree,
  unmount,
} from '../../kit/linux/index.ts';
import { step, waitFor } from '../../kit/run/index.ts';
import { attachTo } from './attach.ts';
import { createUnderConmon, runtimeMessage } from './conmon.ts';
import { ContainerFiles, currentBoot, readText } from './container-files.ts';
import { Ends } from './ends.ts';
import { startExec } from './exec.ts';
import type { OciSpec } from './oci.ts';
import { Program, type RuntimeProgram } from './program.ts';
import { type CreateOptions, type ExecOptions, type RunningExec, type Runtime, RuntimeError, type RuntimeState } from './runtime.ts';
import { isStillRuncs, isWaitingToStart, letGo } from './start-fifo.ts';
import { endStarters } from './starters.ts';
import { ownStdio } from './stdio-owner.ts';

export interface OciRuntimeOptions {
  runtime: RuntimeProgram;
  /** Further runtimes, by the handler that a RuntimeClass names. */
  handlers?: Readonly<Record<string, RuntimeProgram>>;
  /** Folder of the driver, in the mount namespace of the containers' mounts. */
  root: string;
  /** Removes what the containers' control groups were. */
  groups: Pick<PodCgroups, 'remove'>;
  onError(error: unknown): void;
}

const KILL_TIMEOUT_MS = 10_000;
const MONITOR_TIMEOUT_MS = 2_000;

export class OciRuntime implements Runtime {
  readonly name: string;
  readonly handlers: readonly string[];
  readonly #files: ContainerFiles;
  readonly #groups: OciRuntimeOptions['groups'];
  /** By handler; '' is the default. */
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #ends: Ends;
  #execs = 0;

  constructor(options: OciRuntimeOptions) {
    const { runtime, handlers = {} } = options;
    this.#programs = new Map(Object.entries({ '': runtime, ...handlers }).map(([handler, program]) => [handler, new Program(program)]));
    this.name = this.#programs.get('')!.name;
    this.handlers = Object.keys(handlers);
    this.#files = new ContainerFiles(options.root);
    this.#groups = options.groups;
    for (const folder of ['c', 'exits', 'x', ...[...this.#programs.keys()].map(stateFolder)])
      mkdirSync(`${options.root}/${folder}`, { recursive: true, mode: 0o711 });
    if ([...this.#programs.values()].some(({ kind }) => kind === 'crun')) leaveHybridCgroups();
    this.#dropStaleExecs();
    this.#ends = new Ends(this.#files, options.onError);
    for (const id of this.list()) if (!['none', 'exited'].includes(this.state(id).status)) this.#ends.watch(id);
  }

  close(): void {
    this.#ends.close();
  }

  version(): Promise<string> {
    return this.#programs.get('')!.version();
  }

  joinsUserNamespaces(handler: string): boolean {
    return (this.#programs.get(handler) ?? this.#programs.get('')!).kind !== 'other';
  }

  /** The runtime that a container is made with. @throws RuntimeError when it is not configured (any more) */
  #programOf(id: string): { program: Program; root: string } {
    const handler = readText(this.#files.handlerFile(id)) ?? '';
    const program = this.#programs.get(handler);
    if (!program) throw new RuntimeError(`no runtime for "${handler}" is configured`);
    return { program, root: `${this.#files.root}/${stateFolder(handler)}` };
  }

  onExit(listener: (id: string) => void): void {
    this.#ends.onEnd(listener);
  }

  rootfsPath(id: string): string {
    return `${this.#files.bundle(id)}/rootfs`;
  }

  list(): string[] {
    return readdirSync(`${this.#files.root}/c`);
  }

  state(id: string): RuntimeState {
    return this.#files.state(id);
  }

  async create({ id, name, spec, logPath, stdin, keepStdinOpen, handler = '' }: CreateOptions): Promise<void> {
    const bundle = this.#files.bundle(id);
    mkdirSync(`${bundle}/persist`, { recursive: true });
    const isAnew = this.spec(id) !== undefined || existsSync(`${this.#files.root}/${stateFolder(handler)}/${id}`);
    if (isAnew) await this.#dropAttempt(id, spec.linux.cgroupsPath);
    if (handler !== '') writeFileSync(this.#files.handlerFile(id), handler);
    const { program, root } = this.#programOf(id);
    rmSync(this.#files.exitFile(id), { force: true }); // after it: the old monitor may just have written one
    step('runtime.spec', () => writeFileSync(`${bundle}/config.json`, JSON.stringify(spec)));
    const runtimePath = await program.path();
    const pid = await step('runtime.create', () =>
      createUnderConmon({
        id,
        name,
        runtimePath,
        runtimeArgs: [...program.globalArguments(root), ...(isOfSystemd(spec.linux.cgroupsPath) ? ['--systemd-cgroup'] : [])],
        environment: program.environment,
        bundle,
        logPath,
        exitDir: this.#files.exits,
        terminal: spec.process.terminal === true,
        stdin,
        keepStdinOpen,
      }),
    );
    if (program.kind !== 'other') ownStdio(pid, spec); // before the record: without one it is made anew
    const process = { pid, startTime: identify(pid)?.startTicks ?? '', bootId: currentBoot() };
    step('runtime.process-record', () => writeFileAtomicSync(this.#files.processFile(id), JSON.stringify(process)));
    this.#ends.watch(id);
  }

  async start(id: string): Promise<void> {
    const { program, root } = this.#programOf(id);
    const folder = `${root}/${id}`;
    const isRunning = () => this.#files.isRunning(id);
    if (program.kind === 'other') await startByCommand(program, root, id);
    else if (isWaitingToStart(folder))
      await letGo(program.kind, { stateFolder: folder, pid: this.#files.process(id)?.pid ?? 0, isRunning }).catch(asRuntimeError);
    else if (!isRunning()) throw new RuntimeError('cannot start a container that has stopped');
    writeFileSync(this.#files.startedFile(id), '');
  }

  kill(id: string, signal: NodeJS.Signals | number): boolean {
    const record = this.#files.process(id);
    if (record === undefined || !this.#files.isRunning(id)) return false;
    const { program, root } = this.#programOf(id);
    if (program.kind !== 'other') return sendSignal(record.pid, signal);
    // the process on this side may be a whole sandbox: its program gets signals through the runtime only
    void program.command(root, ['kill', id, String(signal)]).catch(() => {});
    return true;
  }

  isDeafTo(id: string, signal: number): boolean {
    const record = this.#files.process(id);
    if (!record || !this.#files.isRunning(id) || this.#programOf(id).program.kind === 'other') return false;
    return isStillRuncs(record.pid) || isDeafTo(readText(`/proc/${record.pid}/status`) ?? '', signal);
  }

  killAll(id: string): void {
    const path = this.spec(id)?.linux.cgroupsPath;
    if (path) cgroups().kill(pathOfOci(path));
    const record = this.#files.process(id);
    if (record && this.#files.isRunning(id)) sendSignal(record.pid, 'SIGKILL');
  }

  async delete(id: string): Promise<void> {
    const bundle = this.#files.bundle(id);
    const spec = this.spec(id);
    this.#ends.forget(id);
    if (spec) {
      await waitFor({ what: `container ${id} to die`, timeoutMs: KILL_TIMEOUT_MS, everyMs: 5 }, () => {
        if (!this.#files.isRunning(id)) return true;
        this.killAll(id);
        return false;
      });
      await this.#dropAttempt(id, spec.linux.cgroupsPath);
    }
    if (isMounted(`${bundle}/rootfs`)) unmount(`${bundle}/rootfs`);
    await removeTree(bundle);
    for (const file of this.#files.exitFiles(id)) await rm(file, { force: true });
  }

  /** What runc's own `delete` would do, without a process for it: its state is a folder, the rest is in the kernel. */
  async #dropAttempt(id: string, cgroupsPath: string): Promise<void> {
    if (this.#files.process(id) === undefined) await endStarters(id);
    await this.#groups.remove(pathOfOci(cgroupsPath));
    await this.#endMonitor(id);
    const handler = readText(this.#files.handlerFile(id)) ?? '';
    const program = this.#programs.get(handler);
    const root = `${this.#files.root}/${stateFolder(handler)}`;
    if (program?.kind === 'other') await program.command(root, ['delete', '--force', id]).catch(() => {}); // it may know nothing of it
    await rm(`${root}/${id}`, { recursive: true, force: true });
    for (const name of ['pidfile', 'conmon.pid', 'process.json', 'started']) await rm(`${this.#files.bundle(id)}/${name}`, { force: true });
  }

  /** It reaps the container, writes the exit file and goes; one that does not, for example because it is stopped, is killed. */
  async #endMonitor(id: string): Promise<void> {
    const pid = this.#files.monitorPid(id);
    if (pid === 0) return;
    const isGone = () => !this.#files.isMonitored(id);
    const end = (timeoutMs: number) => waitFor({ what: `conmon of ${id} to end`, timeoutMs, everyMs: 2 }, isGone);
    await end(MONITOR_TIMEOUT_MS).catch(async () => {
      sendSignal(pid, 'SIGKILL');
      await end(KILL_TIMEOUT_MS);
    });
  }

  spec(id: string): OciSpec | undefined {
    const text = readText(`${this.#files.bundle(id)}/config.json`);
    return text === undefined || text === '' ? undefined : (JSON.parse(text) as OciSpec);
  }

  async exec(id: string, options: ExecOptions): Promise<RunningExec> {
    const file = `${this.#files.root}/x/${process.pid}-${this.#execs++}`;
    const { program, root } = this.#programOf(id);
    const killInside = (pid: number) => void program.command(root, ['kill', '--pid', String(pid), id, 'KILL']).catch(() => {}); // it ended first
    const { environment } = program;
    const target = {
      id,
      runtimePath: await program.path(),
      runtimeArgs: program.globalArguments(root),
      environment,
      file,
      sendsTerminal: program.kind === 'crun',
    };
    return startExec(program.hasOwnKernel ? { ...target, killInside } : target, options);
  }

  async attach(id: string): Promise<RunningExec> {
    const spec = this.spec(id);
    if (!spec || !this.#files.isRunning(id)) throw new RuntimeError(`container ${id} is not running`);
    return await attachTo({
      bundle: this.#files.bundle(id),
      terminal: spec.process.terminal === true,
      resize: (width, height) => void this.resize(id, width, height).catch(() => {}),
      exitCode: () => {
        const state = this.state(id);
        return state.status === 'exited' ? state.exitCode : state.status === 'none' ? -1 : undefined;
      },
    });
  }

  async resize(id: string, width: number, height: number): Promise<void> {
    await this.#tellConmon(id, `1 ${height} ${width}\n`);
  }

  async reopenLog(id: string): Promise<void> {
    await this.#tellConmon(id, '2 0 0\n');
  }

  /** conmon has the fifo open for reading as long as it lives; opening it otherwise must not block. */
  async #tellConmon(id: string, message: string): Promise<void> {
    const fifo = await open(`${this.#files.bundle(id)}/ctl`, 0o1 | 0o4000);
    try {
      await fifo.write(message);
    } finally {
      await fifo.close();
    }
  }

  #dropStaleExecs(): void {
    for (const name of readdirSync(`${this.#files.root}/x`)) rmSync(`${this.#files.root}/x/${name}`, { force: true });
  }
}

const asRuntimeError = (error: Error): never => {
  throw new RuntimeError(error.message, error);
};

const stateFolder = (handler: string): string => (handler === '' ? 'r' : `r-${handler}`);

/** Of a runtime of which only the standard is known. One that runs already was started before a crash. @throws RuntimeError */
async function startByCommand(program: Program, root: string, id: string): Promise<void> {
  try {
    await program.command(root, ['start', id]);
  } catch (error) {
    const state = await program.command(root, ['state', id]).catch(() => '{}');
    if ((JSON.parse(state) as { status?: string }).status === 'running') return;
    throw new RuntimeError(error instanceof CommandError ? runtimeMessage(error.stderr) : String(error), error);
  }
}

/** @throws RuntimeError in the machine's mount namespace, where hiding a mount would be felt by others */
function leaveHybridCgroups(): void {
  if (cgroups().layout !== 'hybrid') return;
  if (isMachinesMountNamespace())
    throw new RuntimeError("crun does not work with hybrid cgroups in the machine's own mount namespace: use runc, or a mount namespace");
  hideUnifiedCgroup();
}

/** kthreadd lives in the machine's namespaces. */
function isMachinesMountNamespace(): boolean {
  const own = linkText('/proc/self/ns/mnt');
  return own === undefined || own === linkText('/proc/2/ns/mnt') || own === linkText('/proc/1/ns/mnt');
}

function linkText(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
