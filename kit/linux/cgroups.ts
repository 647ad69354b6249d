// Control groups: v2, v1 and the hybrid of both behind one small interface. Paths start at the hierarchy's root (`/wherry/x`).
// Limits are read and written as files, synchronously: each takes microseconds.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sendSignal } from '../exec/index.ts';
import { waitFor } from '../run/index.ts';
import { type CgroupLimits, limitFiles } from './cgroup-limits.ts';
import { type CgroupLayout, type CgroupStats, oomKillsOf, statsOf } from './cgroup-stats.ts';
import { controllersOf, ROOT } from './hierarchies.ts';
import { mounts, mountTmpfs, unmount } from './mounts.ts';
import { type Pressures, pressuresOf } from './pressure.ts';

const CGROUP2_MAGIC = 0x63677270;
/** Hierarchies that limits and numbers live in on v1; those absent are left out. */
const V1_LIMITS = ['cpu', 'memory', 'pids', 'cpuset', 'hugetlb'] as const;
const V2_CONTROLLERS = ['cpu', 'memory', 'pids', 'cpuset', 'io', 'hugetlb'];

export function cgroupLayout(): CgroupLayout {
  if (statfsSync(ROOT).type === CGROUP2_MAGIC) return 'v2';
  return mounts().some((m) => m.type === 'cgroup2') ? 'hybrid' : 'v1';
}

export class Cgroups {
  readonly layout: CgroupLayout;
  /** Folders of the hierarchies, e.g. `/sys/fs/cgroup/memory`; one for v2. */
  readonly #hierarchies: string[];
  /** Of v1: which of them a controller is in. */
  readonly #controllers: ReadonlyMap<string, string>;
  readonly #unifiedIsHidden: boolean;
  #hasSwap: boolean | undefined;

  constructor() {
    this.layout = cgroupLayout();
    const mounted = mounts();
    this.#controllers = controllersOf(mounted);
    this.#unifiedIsHidden = mounted.some((m) => m.target === UNIFIED && m.type === 'tmpfs');
    this.#hierarchies =
      this.layout === 'v2'
        ? [ROOT]
        : mounted.filter((m) => (m.type === 'cgroup' || m.type === 'cgroup2') && m.target.startsWith(`${ROOT}/`)).map((m) => m.target);
  }

  /** Whether the kernel has this controller and lets this hierarchy use it. */
  has(controller: string): boolean {
    if (this.layout !== 'v2') return this.#controllers.has(controller);
    return readText(`${ROOT}/cgroup.controllers`).trim().split(' ').includes(controller);
  }

  /** On v2: whether the kernel counts swap by group. The root has no limits of its own: any group below shows. */
  get hasSwap(): boolean {
    this.#hasSwap ??=
      this.layout === 'v2' &&
      readdirSync(ROOT, { withFileTypes: true }).some((e) => e.isDirectory() && existsSync(`${ROOT}/${e.name}/memory.swap.max`));
    return this.#hasSwap;
  }

  /** The folder of `path` for a controller, undefined when that controller is not there. */
  folder(controller: string, path: string): string | undefined {
    if (this.layout === 'v2') return `${ROOT}${path}`;
    const hierarchy = this.#controllers.get(controller);
    return hierarchy === undefined ? undefined : `${hierarchy}${path}`;
  }

  /** Makes the group where limits live and, on v2, opens its parents' controllers for it. Idempotent. */
  create(path: string): void {
    if (this.layout === 'v2') {
      const parts = path.split('/').filter((part) => part !== '');
      let folder = ROOT;
      for (const part of parts) {
        this.#enableControllers(folder);
        folder = `${folder}/${part}`;
        mkdirSync(folder, { recursive: true });
      }
      return;
    }
    for (const controller of V1_LIMITS) {
      const folder = this.folder(controller, path);
      if (!folder) continue;
      mkdirSync(folder, { recursive: true });
      if (controller === 'cpuset') inheritCpuset(this.#controllers.get(controller)!, path);
    }
  }

  #enableControllers(folder: string): void {
    const there = readFileSync(`${folder}/cgroup.controllers`, 'utf8').trim().split(' ');
    for (const controller of V2_CONTROLLERS) {
      if (!there.includes(controller)) continue;
      try {
        writeFileSync(`${folder}/cgroup.subtree_control`, `+${controller}`);
      } catch {
        // a group with processes of its own cannot pass controllers on: the limits below are then refused where they matter
      }
    }
  }

  apply(path: string, limits: CgroupLimits): void {
    for (const [controller, file, text] of limitFiles(limits, this.layout)) {
      const folder = this.folder(controller, path);
      if (!folder || !existsSync(folder)) continue;
      // A kernel may count huge pages of fewer sizes than it has; nobody gets one of a size that it does not know.
      if (controller === 'hugetlb' && !existsSync(`${folder}/${file}`)) continue;
      writeFileSync(`${folder}/${file}`, text);
    }
  }

  /** Processes in the group and all below it. */
  pids(path: string): number[] {
    const found = new Set<number>();
    for (const hierarchy of this.#hierarchies)
      for (const folder of tree(`${hierarchy}${path}`))
        for (const line of readLines(`${folder}/cgroup.procs`)) if (line !== '' && line !== '0') found.add(Number(line));
    return [...found];
  }

  /** SIGKILLs everything in the group and below. */
  kill(path: string): void {
    if (this.layout === 'v2' && existsSync(`${ROOT}${path}/cgroup.kill`)) writeFileSync(`${ROOT}${path}/cgroup.kill`, '1');
    else for (const pid of this.pids(path)) sendSignal(pid, 'SIGKILL');
  }

  /** The names of the groups right below `path` ('' is the root), in whichever hierarchy they are. */
  children(path: string): string[] {
    const names = this.#hierarchies.flatMap((hierarchy) => childrenOf(`${hierarchy}${path}`));
    return [...new Set(names)];
  }

  exists(path: string): boolean {
    return this.#hierarchies.some((hierarchy) => existsSync(`${hierarchy}${path}`));
  }

  /** Kills what runs in it and below, until nothing does. @throws after 10 s */
  async empty(path: string): Promise<void> {
    await waitFor({ what: `what runs in cgroup ${path} to end`, timeoutMs: 10_000, everyMs: 10 }, () => {
      if (this.pids(path).length === 0) return true;
      this.kill(path);
      return false;
    });
  }

  /** Kills what runs in it and removes it with everything below, in all hierarchies. Idempotent. @throws after 10 s */
  async remove(path: string): Promise<void> {
    if (path === '' || path === '/') throw new Error('refusing to remove the root cgroup');
    if (this.#unifiedIsHidden) rmSync(`${UNIFIED}${path}`, { recursive: true, force: true });
    if (!this.exists(path)) return;
    await waitFor({ what: `cgroup ${path} to be empty`, timeoutMs: 10_000, everyMs: 10 }, () => {
      let left = 0;
      for (const hierarchy of this.#hierarchies) for (const folder of tree(`${hierarchy}${path}`)) left += removeFolder(folder) ? 0 : 1;
      if (left > 0) this.kill(path); // seldom: by now all has ended, and looking for what has not takes as long as removing
      return left === 0;
    });
  }

  /** Removes the group where nothing is in it; one with groups or processes stays, also when they came this very moment. */
  removeIfEmpty(path: string): void {
    for (const hierarchy of this.#hierarchies) removeFolder(`${hierarchy}${path}`);
  }

  /** The text of a group's file, empty where it is not there. */
  read(path: string, controller: string, file: string): string {
    return readText(`${this.folder(controller, path)}/${file}`);
  }

  stats(path: string): CgroupStats {
    return statsOf(this.layout, (controller, file) => this.read(path, controller, file));
  }

  /** Nothing on v1. '' is the machine. */
  pressures(path: string): Pressures {
    return this.layout === 'v2' ? pressuresOf((controller, file) => this.read(path, controller, file)) : {};
  }

  /** The memory that the group may use, by its own limit and those above it; undefined: nobody limits it. */
  memoryLimit(path: string): number | undefined {
    const file = this.layout === 'v2' ? 'memory.max' : 'memory.limit_in_bytes';
    let least: number | undefined;
    for (let at = path; at !== '' && at !== '/' && at !== '.'; at = dirname(at)) {
      const bytes = Number(this.read(at, 'memory', file) || Number.NaN);
      if (bytes < UNLIMITED && !(least !== undefined && least <= bytes)) least = bytes;
    }
    return least;
  }

  /** How often the kernel killed a process here for want of memory. */
  oomKills(path: string): number {
    return oomKillsOf(this.layout, (controller, file) => this.read(path, controller, file));
  }
}

/** v1 has no word for no limit, but a number of pages that no machine has. */
const UNLIMITED = 2 ** 60;
const UNIFIED = `${ROOT}/unified`;

/**
 * Puts an empty tmpfs in place of a hybrid machine's v2 mount, in this mount namespace: crun 1.8 refuses hybrid cgroups as long as it
 * sees that mount, and writes plain files below where it was. Idempotent. The caller makes sure that the mount namespace is its own.
 */
export function hideUnifiedCgroup(): void {
  if (cgroups().layout !== 'hybrid') return;
  unmount(UNIFIED);
  mountTmpfs(UNIFIED);
  shared = undefined;
}

let shared: Cgroups | undefined;
/** Read once: the layout changes by hideUnifiedCgroup alone. */
export const cgroups = (): Cgroups => (shared ??= new Cgroups());

/** A folder and all below it, the deepest first; nothing where it is not there. */
const tree = (folder: string): string[] =>
  existsSync(folder) ? [...childrenOf(folder).flatMap((name) => tree(`${folder}/${name}`)), folder] : [];

function childrenOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return []; // it went while we looked
  }
}

function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
const readLines = (file: string): string[] => readText(file).split('\n');

/** A new v1 cpuset has no CPUs: it takes its parent's, from the top down. */
function inheritCpuset(root: string, path: string): void {
  let parent = root;
  for (const part of path.split('/').filter((p) => p !== '')) {
    const folder = `${parent}/${part}`;
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      if (readText(`${folder}/${file}`).trim() === '') writeFileSync(`${folder}/${file}`, readText(`${parent}/${file}`).trim());
    parent = folder;
  }
}
