// Starts programs by posix_spawn(3): the child borrows this process's memory until it has become its program. Node's own spawn copies the
// tables of that memory first, and holds the event loop for 1 to 20 ms, the more memory the longer: too much for what starts with every
// container and every probe. Everything else starts by kit/exec.
import koffi from 'koffi';
import { reap, SyscallError } from './syscalls.ts';

export interface SpawnOptions {
  cwd?: string;
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** What the child gets as its descriptors 0, 1, 2, ...: a descriptor of ours, or /dev/null. Others are close-on-exec, as all that Node opens. */
  stdio: readonly (number | 'ignore')[];
}

export interface SpawnedChild {
  readonly pid: number;
  /** The exit code; -1 when a signal ended it. */
  readonly exit: Promise<number>;
  /** False when it has ended. */
  kill(signal: NodeJS.Signals): boolean;
}

const libc = koffi.load('libc.so.6');
const c = {
  attrInit: libc.func('int posix_spawnattr_init(void *attr)'),
  attrSetFlags: libc.func('int posix_spawnattr_setflags(void *attr, short flags)'),
  attrSetDefault: libc.func('int posix_spawnattr_setsigdefault(void *attr, const uint8_t *signals)'),
  attrSetMask: libc.func('int posix_spawnattr_setsigmask(void *attr, const uint8_t *signals)'),
  actionsInit: libc.func('int posix_spawn_file_actions_init(void *actions)'),
  actionsDestroy: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
  addDup2: libc.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
  addOpen: libc.func('int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, unsigned int mode)'),
  addChdir: libc.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
  spawn: libc.func(
    'int posix_spawnp(_Out_ int *pid, const char *file, void *actions, void *attr, const char **argv, const char **environment)',
  ),
};

/** More than any C library's structures take. */
const STRUCT_BYTES = 512;
const SIGNAL_SET_BYTES = 128;
const [SETSIGDEF, SETSIGMASK, SETSID] = [0x04, 0x08, 0x80];

/**
 * In a session of its own, with no signal blocked or ignored. `file` is looked for in this process's PATH. Of the main thread only, which
 * is the one that hears of children's ends.
 * @throws SyscallError, e.g. ENOENT
 */
export function spawnProgram(file: string, args: readonly string[], { cwd, env, stdio }: SpawnOptions): SpawnedChild {
  listen();
  const actions = Buffer.alloc(STRUCT_BYTES);
  must(c.actionsInit(actions), file);
  try {
    stdio.forEach((from, to) => {
      if (from === 'ignore') must(c.addOpen(actions, to, '/dev/null', 2, 0), file);
      else must(c.addDup2(actions, from, to), file);
    });
    if (cwd !== undefined) must(c.addChdir(actions, cwd), file);
    const pid = [0];
    const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    must(c.spawn(pid, file, actions, attributes(), [file, ...args, null], [...environment, null]), file);
    return childOf(pid[0]!);
  } finally {
    c.actionsDestroy(actions);
  }
}

/** posix_spawn and its helpers return the error's number. */
function must(errno: number, file: string): void {
  if (errno !== 0) throw new SyscallError('spawn', errno, file);
}

let shared: Buffer | undefined;
/** As Node starts its children: this process ignores SIGPIPE, and what is ignored is inherited. */
function attributes(): Buffer {
  if (shared) return shared;
  const attr = Buffer.alloc(STRUCT_BYTES);
  c.attrInit(attr);
  c.attrSetDefault(attr, Buffer.alloc(SIGNAL_SET_BYTES, 0xff));
  c.attrSetMask(attr, Buffer.alloc(SIGNAL_SET_BYTES));
  c.attrSetFlags(attr, SETSIGDEF | SETSIGMASK | SETSID);
  shared = attr;
  return attr;
}

/** Children that were not reaped yet, and who is told. */
const running = new Map<number, (code: number) => void>();

function childOf(pid: number): SpawnedChild {
  const { promise: exit, resolve } = Promise.withResolvers<number>();
  running.set(pid, resolve);
  return { pid, exit, kill: (signal) => running.has(pid) && process.kill(pid, signal) };
}

let isListening = false;
/** Signals may come together as one: all are looked at. Node looks for its own children by their pids, so neither takes the other's. */
function listen(): void {
  if (isListening) return;
  isListening = true;
  process.on('SIGCHLD', () => {
    for (const [pid, tell] of running) {
      const code = reap(pid);
      if (code === undefined) continue;
      running.delete(pid);
      tell(code);
    }
  });
}
