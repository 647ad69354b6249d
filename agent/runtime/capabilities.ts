// Which capabilities a container gets. Pure, but for the one that reads what this process may hand on.
import { readFileSync } from 'node:fs';

/** By number, as in linux/capability.h. */
const ALL =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(
    ' ',
  );

/** What every container gets unless told otherwise (Docker's list, which containerd and CRI-O share in essence). */
const DEFAULT =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(' ');

/** With CAP_, sorted by number, only those that can be given here. Drops win over ALL added, single adds win over ALL dropped. Unknown names are passed over, as other runtimes do. */
export function capabilitySet(input: {
  capabilities: { add: string[]; drop: string[] };
  privileged: boolean;
  availableCapabilities: readonly string[];
}): string[] {
  const add = input.capabilities.add.map(plainName);
  const drop = input.capabilities.drop.map(plainName);
  const base = input.privileged || add.includes('ALL') ? ALL : drop.includes('ALL') ? [] : DEFAULT;
  const dropped = new Set(input.privileged ? [] : drop);
  const wanted = new Set([...base, ...add].filter((name) => !dropped.has(name)));
  return ALL.filter((name) => wanted.has(name) && input.availableCapabilities.includes(name)).map((name) => `CAP_${name}`);
}

const plainName = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');

/** The bounding set of this process, without CAP_. */
export function availableCapabilities(): string[] {
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  return ALL.filter((_, bit) => ((bounding >> BigInt(bit)) & 1n) === 1n);
}
