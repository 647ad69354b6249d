// Container daemons of other people on nodes of a test's cluster: inside the node's namespaces and cgroup, so that they end with it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { tryRun } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import type { Cluster } from '../../rig/index.ts';

const START_TIMEOUT_MS = 120_000;

export interface Daemon {
  /** Where it is when it is installed. */
  program: string;
  /** Starts it on a node, with its files below the folder; returns the agent's `runtime` when it answers. */
  start(cluster: Cluster, node: string, folder: string): Promise<string>;
}

/** The agent writes the network's configuration where rig says; the pause image comes with wherry. */
const containerdConfig = (folder: string, socket: string, cni: string): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "wherry.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cni}/bin"
    conf_dir = "${cni}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;

export const containerd: Daemon = {
  program: '/usr/bin/containerd',
  async start(cluster, node, folder) {
    const socket = `${folder}/containerd.sock`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/config.toml`, containerdConfig(folder, socket, `${dirname(cluster.kubeconfig)}/nodes/${node}/cni`));
    await cluster.startOnNode(node, ['containerd', '--config', `${folder}/config.toml`], `${folder}/log`);
    await answers(folder, ['ctr', '--address', socket, 'version']);
    return `unix://${socket}`;
  },
};

export const docker: Daemon = {
  program: '/usr/sbin/dockerd',
  async start(cluster, node, folder) {
    const socket = `${folder}/docker.sock`;
    mkdirSync(folder, { recursive: true });
    const files = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`];
    const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--host', `unix://${socket}`];
    await cluster.startOnNode(node, ['dockerd', ...files, ...network], `${folder}/log`);
    await answers(folder, ['curl', '--silent', '--fail', '--unix-socket', socket, 'http://docker/_ping']);
    return `docker://${socket}`;
  },
};

async function answers(folder: string, [file, ...args]: [string, ...string[]]): Promise<void> {
  const asked = () => tryRun(file, args, { timeoutMs: 30_000 });
  await waitFor({ what: folder, timeoutMs: START_TIMEOUT_MS, everyMs: 100 }, async () => !(await asked()).failure).catch((error: Error) => {
    const log = existsSync(`${folder}/log`) ? readFileSync(`${folder}/log`, 'utf8').slice(-2000) : '';
    throw new Error(`${error.message}\n${log}`, { cause: error });
  });
}
