// What a node holds for its pods, as lines that can be compared: before a pod and after it they are the same.
import { readFileSync } from 'node:fs';
import { type Cluster, status } from '../../rig/index.ts';

/** Kinds of things, and the command that lists them inside the node. Counters, and names that only rise, are left out. */
const KINDS: Readonly<Record<string, string>> = {
  mount: `cut -d' ' -f5 /proc/self/mountinfo | grep -e "^$RUN/" -e "^$STATE/"`,
  link: 'ls /sys/class/net',
  rule: `iptables-save | grep -v '^[#:]'`,
  cgroup: 'find /sys/fs/cgroup"$CGROUP" /sys/fs/cgroup/*"$CGROUP" -type d',
  process: `find /sys/fs/cgroup"$CGROUP" /sys/fs/cgroup/*"$CGROUP" -name cgroup.procs -exec cat {} + | sort -u | while read -r pid; do tr '\\0' ' ' < /proc/$pid/cmdline; echo; done`,
  file: `cd "$RUN" && find c s r exits x -mindepth 1 -maxdepth 1`,
  record: `cd "$STATE" && find pods cri/containers cri/sandboxes cri/cni/pods -mindepth 1 -maxdepth 1 ! -name last-reserved`,
  log: `cd "$LOGS" && find . -mindepth 1 -maxdepth 1`,
};

/** The configuration that the node's running agent was given. */
export async function agentConfig(cluster: Cluster, node: string): Promise<Record<string, string>> {
  const pid = (await status(cluster.name)).find(({ part }) => part === node)?.pid;
  const file = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').at(-2) ?? '';
  return JSON.parse(readFileSync(file, 'utf8'));
}

export async function nodeState(cluster: Cluster, node: string, config: Record<string, string>): Promise<string[]> {
  const script = Object.entries(KINDS).map(([kind, command]) => `( ${command} ) 2>/dev/null | sort | sed 's|^|${kind}: |'`);
  const { cgroupParent, runDir, stateDir, logDir } = config;
  const env = [`CGROUP=${cgroupParent}`, `RUN=${runDir}`, `STATE=${stateDir}`, `LOGS=${logDir}`];
  const text = await cluster.onNode(node, ['env', ...env, 'sh', '-c', script.join('\n')]);
  return text.split('\n').filter((line) => line !== '');
}
