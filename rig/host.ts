// One host of a cluster: namespaces held by a tiny process. When the process ends, the kernel removes all that was in them.
import { readFileSync, readlinkSync } from 'node:fs';
import { identify, type ProcessId, startDaemon } from '../kit/exec/index.ts';
import { cgroups } from '../kit/linux/index.ts';
import { waitFor } from '../kit/run/index.ts';

export interface HostOptions {
  hostname: string;
  cgroupProcs: readonly string[];
  logFile: string;
  /**
   * crun refuses cgroup hybrid mode unless the almost empty v2 hierarchy is out of sight; this mount namespace is the host's own. It makes
   * folders in that place all the same: in a file system that goes with the host.
   */
  hideUnifiedCgroup: boolean;
  /** Becomes /var/log of the host, so that its logs are its own; absent: the machine's is seen. */
  varLog?: string;
}

const holderScript = `
echo "$1" > /proc/sys/kernel/hostname || exit 1
[ "$2" = hide ] && umount /sys/fs/cgroup/unified 2>/dev/null && mount -t tmpfs tmpfs /sys/fs/cgroup/unified
[ -z "$3" ] || { mkdir -p "$3" && mount --bind "$3" /var/log; } || exit 1
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || exit 1 # its named namespaces are its own: containerd's go with the host
mount --make-rshared / || exit 1 # as systemd does: mounts of Bidirectional volumes reach the host and other pods
exec sleep infinity
`;

/** Starts the holder of a host's network, mount, UTS and IPC namespaces and waits (a minute at most: an emulated machine is slow) until it is in them. */
export async function startHost(options: HostOptions): Promise<ProcessId> {
  const hide = options.hideUnifiedCgroup ? 'hide' : 'show';
  const argv = [
    'unshare',
    '--net',
    '--mount',
    '--uts',
    '--ipc',
    'sh',
    '-c',
    holderScript,
    'sh',
    options.hostname,
    hide,
    options.varLog ?? '',
  ] as const;
  const pid = startDaemon({ argv: [...argv], cgroupProcs: options.cgroupProcs, logFile: options.logFile });
  return waitFor({ what: `namespaces of host ${options.hostname}`, timeoutMs: 60_000, everyMs: 1 }, () => {
    const process = identify(pid);
    if (!process) throw new Error(`the holder ended: ${readFileSync(options.logFile, 'utf8').trim().slice(-500)}`);
    return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n' &&
      readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net')
      ? process
      : false;
  });
}

/** `cgroup.procs` of the group that a host's own processes are in; containers get groups beside it. */
export function systemGroup(path: string): string[] {
  const groups = cgroups();
  groups.create(`${path}/system`);
  const folder = groups.folder('pids', `${path}/system`);
  return folder ? [`${folder}/cgroup.procs`] : [];
}

export const netnsOf = (holder: ProcessId): string => `/proc/${holder.pid}/ns/net`;

/** Arguments that start a program inside a host. */
export const insideHost = (holder: ProcessId, argv: readonly string[]): [string, ...string[]] => [
  'nsenter',
  '--target',
  String(holder.pid),
  '--net',
  '--mount',
  '--uts',
  '--ipc',
  '--',
  ...argv,
];
