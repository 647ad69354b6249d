// The system calls, bound by koffi: synchronous, 1-3 microseconds each, errors as Node's own (code, errno, syscall).
// Nothing outside kit/linux may call them. They are synchronous on purpose: a namespace belongs to a thread, so whoever
// changes it must be back before anything else of this process runs.
import { constants } from 'node:os';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

const c = {
  setns: libc.func('int setns(int fd, int nstype)'),
  unshare: libc.func('int unshare(int flags)'),
  mount: libc.func('int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)'),
  umount2: libc.func('int umount2(const char *target, int flags)'),
  mknod: libc.func('int mknod(const char *path, unsigned int mode, unsigned long device)'),
  sethostname: libc.func('int sethostname(const char *name, size_t length)'),
  setxattr: libc.func('int lsetxattr(const char *path, const char *name, const char *value, size_t size, int flags)'),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  connect: libc.func('int connect(int fd, const uint8_t *address, unsigned int length)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int option, const uint8_t *value, unsigned int length)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int option, uint8_t *value, uint8_t *length)'),
  statx: libc.func('int statx(int directory, const char *path, int flags, unsigned int mask, uint8_t *result)'),
  ioctl: libc.func('int ioctl(int fd, unsigned long request, void *argument)'),
  pipe2: libc.func('int pipe2(_Out_ int *fds, int flags)'),
  send: libc.func('long send(int fd, const uint8_t *data, size_t length, int flags)'),
  recv: libc.func('long recv(int fd, uint8_t *data, size_t length, int flags)'),
  memfdCreate: libc.func('int memfd_create(const char *name, unsigned int flags)'),
  fcntl: libc.func('int fcntl(int fd, int command, int argument)'),
  poll: libc.func('int poll(uint8_t *fds, unsigned long count, int timeout)'),
  waitpid: libc.func('int waitpid(int pid, _Out_ int *status, int options)'),
};

/** Without wrappers in older C libraries; the numbers are the same on all architectures. */
const [OPEN_TREE, MOVE_MOUNT, PIDFD_OPEN, OPENAT2, MOUNT_SETATTR] = [428, 429, 434, 437, 442];
const openat2 = libc.func('long syscall(long number, int directory, const char *path, const uint8_t *how, size_t size)');
const pidfdOpen = libc.func('syscall', 'long', ['long', 'int', 'unsigned int']);
const openTree = libc.func('syscall', 'long', ['long', 'int', 'str', 'unsigned int']);
const moveMount = libc.func('syscall', 'long', ['long', 'int', 'str', 'int', 'str', 'unsigned int']);
const mountSetattr = libc.func('syscall', 'long', ['long', 'int', 'str', 'unsigned int', 'const uint8_t *', 'size_t']);

const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** A failed system call; `code` is e.g. `EPERM`. */
export class SyscallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  constructor(syscall: string, errno: number, detail: string) {
    const code = errnoNames.get(errno) ?? `errno ${errno}`;
    super(`${syscall} ${detail}: ${code}`);
    this.name = 'SyscallError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

function check(result: number, syscall: string, detail: string): number {
  if (result < 0) throw new SyscallError(syscall, koffi.errno(), detail);
  return result;
}

export const CLONE = {
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;
/** Mount flags of mount(2). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const;
export const MNT_DETACH = 2;

/** Enters the namespace behind an open descriptor; `type` 0 takes any. Of this thread only. */
export const setns = (fd: number, type = 0): void => void check(c.setns(fd, type), 'setns', `fd ${fd}`);
export const unshare = (flags: number): void => void check(c.unshare(flags), 'unshare', `0x${flags.toString(16)}`);
export const mount = (source: string, target: string, type: string | null, flags = 0, data: string | null = null): void =>
  void check(c.mount(source, target, type, flags, data), 'mount', `${type ?? ''} ${source} on ${target}${data ? ` (${data})` : ''}`);
export const umount = (target: string, flags = 0): void => void check(c.umount2(target, flags), 'umount', target);
export const mknod = (path: string, mode: number, major: number, minor: number): void =>
  void check(c.mknod(path, mode, makedev(major, minor)), 'mknod', path);
export const sethostname = (name: string): void => void check(c.sethostname(name, Buffer.byteLength(name)), 'sethostname', name);
/** Sets an extended attribute, not following symlinks. */
export const setxattr = (path: string, name: string, value: string): void =>
  void check(c.setxattr(path, name, value, Buffer.byteLength(value), 0), 'setxattr', `${name} on ${path}`);
/** A real pipe (Node's own stdio pipes are sockets, which a process cannot reopen through /dev/stdout). Close-on-exec. */
export function pipe(): { read: number; write: number } {
  const fds = [0, 0];
  check(c.pipe2(fds, 0o2000000), 'pipe2', '');
  return { read: fds[0]!, write: fds[1]! };
}

/** Connects to a unix SOCK_SEQPACKET socket, not blocking. The path must be shorter than 108 bytes. */
export function connectSeqpacket(path: string): number {
  const bytes = Buffer.from(path);
  if (bytes.length > 107) throw new SyscallError('connect', constants.errno.ENAMETOOLONG, path);
  const fd = check(c.socket(1, 5 | 0o4000 | 0o2000000, 0), 'socket', 'AF_UNIX SOCK_SEQPACKET');
  const address = Buffer.alloc(110);
  address.writeUInt16LE(1, 0);
  bytes.copy(address, 2);
  try {
    check(c.connect(fd, address, 2 + bytes.length + 1), 'connect', path);
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
  return fd;
}

const [RESOLVE_NO_MAGICLINKS, RESOLVE_BENEATH] = [0x02n, 0x08n];
const O_PATH_CLOEXEC = 0o10000000n | 0o2000000n;

/**
 * Names (O_PATH) what lies at `path` below an open folder. The kernel sees to it that no symlink and no `..` leads out, whatever is
 * swapped meanwhile. @throws SyscallError EXDEV when it would, EAGAIN when a rename came in between
 */
export function openBeneath(folder: number, path: string): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(O_PATH_CLOEXEC, 0);
  how.writeBigUInt64LE(RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH, 16);
  return check(Number(openat2(OPENAT2, folder, path, how, how.length)), 'openat2', path);
}

const AT_FDCWD = -100;
const [AT_EMPTY_PATH, AT_RECURSIVE] = [0x1000, 0x8000];

/** A copy of what is mounted at `path`, and below it, that is nowhere to be seen yet: its descriptor. */
export function cloneMount(path: string): number {
  const [CLONE_TREE, CLOEXEC] = [1, 0o2000000];
  return check(Number(openTree(OPEN_TREE, AT_FDCWD, path, CLONE_TREE | CLOEXEC | AT_RECURSIVE)), 'open_tree', path);
}

/** Owners of files in a cloned mount are translated as a user namespace has it. @throws SyscallError EINVAL where its file system cannot */
export function mapOwners(clone: number, userNamespace: number, path: string): void {
  const IDMAP = 0x100000n;
  setMountAttributes(clone, path, { set: IDMAP, userNamespace });
}

/** A cloned mount, `recursive`: and those below it. */
export function makeReadOnly(clone: number, path: string, recursive: boolean): void {
  setMountAttributes(clone, path, { set: 1n, recursive });
}

/** struct mount_attr: what to set, what to clear, propagation, user namespace. */
function setMountAttributes(clone: number, path: string, { set, userNamespace = 0, recursive = false }: MountAttributes): void {
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(set, 0);
  attributes.writeBigUInt64LE(BigInt(userNamespace), 24);
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  check(Number(mountSetattr(MOUNT_SETATTR, clone, '', flags, attributes, attributes.length)), 'mount_setattr', path);
}

interface MountAttributes {
  set: bigint;
  userNamespace?: number;
  recursive?: boolean;
}

export function attachMount(clone: number, target: string): void {
  const FROM_EMPTY_PATH = 4;
  check(Number(moveMount(MOVE_MOUNT, clone, '', AT_FDCWD, target, FROM_EMPTY_PATH)), 'move_mount', target);
}

const STATX_ATTR_MOUNT_ROOT = 0x2000n;

/** Whether something is mounted exactly there; undefined: this kernel (before 5.8) does not tell. False when there is nothing at all. */
export function isMountRoot(path: string): boolean | undefined {
  const result = Buffer.alloc(256);
  const NOFOLLOW = 0x100;
  if (c.statx(AT_FDCWD, path, NOFOLLOW, 0, result) < 0) return koffi.errno() === constants.errno.ENOENT ? false : undefined;
  const isTold = (result.readBigUInt64LE(56) & STATX_ATTR_MOUNT_ROOT) !== 0n;
  return isTold ? (result.readBigUInt64LE(8) & STATX_ATTR_MOUNT_ROOT) !== 0n : undefined;
}

/** Longest wait for a listener whose queue is full, seconds; this thread waits with it. */
const CONNECT_SECONDS = 1n;

/** A TCP connection to a port of the present network namespace's loopback. @throws SyscallError, e.g. ECONNREFUSED */
export function connectLoopback(family: 4 | 6, port: number): number {
  const domain = family === 4 ? 2 : 10;
  const fd = check(c.socket(domain, 1 | 0o2000000, 0), 'socket', 'SOCK_STREAM');
  const address = Buffer.alloc(family === 4 ? 16 : 28);
  address.writeUInt16LE(domain, 0);
  address.writeUInt16BE(port, 2);
  if (family === 4) address.set([127, 0, 0, 1], 4);
  else address[23] = 1; // ::1, behind port and flow label
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(CONNECT_SECONDS, 0);
  try {
    check(c.setsockopt(fd, 1, 21, timeout, timeout.length), 'setsockopt', 'SO_SNDTIMEO');
    check(c.connect(fd, address, address.length), 'connect', `port ${port}`);
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
  return fd;
}

/**
 * Whether the TCP connection of a descriptor is established, so that neither side has closed or reset it (tcp(7), TCP_INFO: the first
 * byte is the state). False for a descriptor that is no TCP socket, or none at all.
 */
export function isEstablished(fd: number): boolean {
  const info = Buffer.alloc(4);
  const length = Buffer.from([info.length, 0, 0, 0]);
  return c.getsockopt(fd, 6, 11, info, length) === 0 && info[0] === 1;
}

const MSG_DONTWAIT = 0x40;
const Part = koffi.struct({ base: 'uint8_t *', length: 'size_t' });
/** struct msghdr, recvmsg(2). */
const MessageHeader = koffi.struct({
  name: 'void *',
  nameLength: 'unsigned int',
  parts: koffi.pointer(Part),
  partCount: 'size_t',
  control: 'uint8_t *',
  controlLength: 'size_t',
  flags: 'int',
});
const recvmsg = libc.func('recvmsg', 'long', ['int', koffi.inout(koffi.pointer(MessageHeader)), 'int']);

/** The descriptor that the other side sent over a unix socket, unix(7); undefined when nothing has come yet. @throws SyscallError, or Error at an end without one */
export function receiveDescriptor(fd: number): number | undefined {
  const [SOL_SOCKET, SCM_RIGHTS, CLOEXEC] = [1, 1, 0x40000000];
  const [data, control] = [Buffer.alloc(4096), Buffer.alloc(64)];
  const parts = [{ base: data, length: data.length }];
  const header = { name: null, nameLength: 0, parts, partCount: 1, control, controlLength: control.length, flags: 0 };
  if (Number(recvmsg(fd, header, MSG_DONTWAIT | CLOEXEC)) < 0) {
    if (koffi.errno() === constants.errno.EAGAIN) return undefined;
    throw new SyscallError('recvmsg', koffi.errno(), `fd ${fd}`);
  }
  // struct cmsghdr: length, level, type; what was sent comes behind it
  if (control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) throw new Error('no descriptor was sent');
  return control.readInt32LE(16);
}

/** A raw netlink socket to the kernel's routing tables, in the present network namespace. */
export const openRouteSocket = (): number => check(c.socket(16, 3 | 0o2000000, 0), 'socket', 'AF_NETLINK');

/** Sends all at once, or nothing. */
export const sendNow = (fd: number, data: Buffer): void =>
  void check(Number(c.send(fd, data, data.length, MSG_DONTWAIT)), 'send', `fd ${fd}`);

const received = Buffer.alloc(1 << 16);
/** The next message, which must be there already; valid until the next call. @throws SyscallError EAGAIN */
export const receiveNow = (fd: number): Buffer =>
  received.subarray(0, check(Number(c.recv(fd, received, received.length, MSG_DONTWAIT)), 'recv', `fd ${fd}`));

/**
 * The exit code of a child of this process that has ended, -1 when a signal ended it; undefined while it runs. Its pid is free from then
 * on: asked once more, a child that has ended is an error.
 */
export function reap(pid: number): number | undefined {
  const WNOHANG = 1;
  const status = [0];
  if (check(c.waitpid(pid, status, WNOHANG), 'waitpid', `${pid}`) === 0) return undefined;
  const [code = 0, signal] = [status[0]! >> 8, status[0]! & 0x7f];
  return signal === 0 ? code : -1;
}

/** A descriptor that is readable from the process's end on (pidfd_open(2)), close-on-exec. Undefined where there is none to be had. */
export function openProcess(pid: number): number | undefined {
  const descriptor = Number(pidfdOpen(PIDFD_OPEN, pid, 0));
  return descriptor < 0 ? undefined : descriptor;
}

/** Positions of the descriptors that can be read, or have ended, at this moment: poll(2) without waiting. */
export function readableOf(descriptors: readonly number[]): Set<number> {
  const [ENTRY_BYTES, RETURNED_AT, POLLIN] = [8, 6, 1];
  if (descriptors.length === 0) return new Set();
  const entries = Buffer.alloc(descriptors.length * ENTRY_BYTES);
  for (const [index, descriptor] of descriptors.entries()) {
    entries.writeInt32LE(descriptor, index * ENTRY_BYTES);
    entries.writeInt16LE(POLLIN, index * ENTRY_BYTES + 4);
  }
  if (check(c.poll(entries, descriptors.length, 0), 'poll', `${descriptors.length} descriptors`) === 0) return new Set();
  return new Set([...descriptors.keys()].filter((index) => entries.readInt16LE(index * ENTRY_BYTES + RETURNED_AT) !== 0));
}

const [MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_EXEC] = [1, 2, 0x10];
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, SHRINK, GROW, WRITE. */
const ALL_SEALS = 0xf;

/**
 * Memory that looks like an executable file, filled once and unchangeable from then on; close-on-exec. Undefined where the kernel has
 * none, or its administrator wants none to be executed (sysctl vm.memfd_noexec).
 */
export function sealedMemory(name: string, fill: (fd: number) => void): number | undefined {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = c.memfdCreate(name, flags | MFD_EXEC);
  if (fd < 0 && koffi.errno() === constants.errno.EINVAL) fd = c.memfdCreate(name, flags); // before Linux 6.3 all may be executed
  if (fd < 0) return undefined;
  try {
    fill(fd);
    check(c.fcntl(fd, F_ADD_SEALS, ALL_SEALS), 'fcntl', 'F_ADD_SEALS');
    return fd;
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
}

/** ioctl with a buffer in and out. */
export const ioctl = (fd: number, request: number, argument: Buffer): void =>
  void check(c.ioctl(fd, request, argument), 'ioctl', `0x${request.toString(16)}`);

function closeQuietly(fd: number): void {
  libcClose(fd);
}
const libcClose = libc.func('int close(int fd)');

const makedev = (major: number, minor: number): number => (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
