// startCluster(): a cluster for one test. Everything of it is gone after dispose, whatever happened in between.
import { randomBytes } from 'node:crypto';
import type { HttpsClient } from '../kit/client/index.ts';
import { type RunResult, run, startDaemon, tryRun } from '../kit/exec/index.ts';
import { ClusterAccess } from './access.ts';
import { down } from './down.ts';
import { connect, killPart, powerOff } from './faults.ts';
import { insideHost, systemGroup } from './host.ts';
import { load } from './images.ts';
import { layoutOf } from './layout.ts';
import type { UpOptions } from './options.ts';
import { existing } from './status.ts';
import { up } from './up.ts';

/** Longer than the deadlines that tests give kubectl itself: its own words for what it waited for are the better ones. */
const COMMAND_TIMEOUT_MS = 180_000;

export interface CommandOptions {
  input?: string;
  timeoutMs?: number;
  /** Another kubectl, e.g. `kubectl.1.29`. */
  program?: string;
}

export interface Cluster extends AsyncDisposable {
  readonly name: string;
  /** Path of the admin's kubeconfig. */
  readonly kubeconfig: string;
  readonly client: HttpsClient;
  readonly nodes: readonly { name: string; ip: string }[];
  /** Runs kubectl as admin. @throws CommandError with its output when it fails */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** As `kubectl`, but returns exit code and both outputs. */
  tryKubectl(args: readonly string[], options?: CommandOptions): Promise<RunResult>;
  /** Runs a program of this machine inside a node's namespaces. */
  onNode(node: string, argv: readonly string[], options?: CommandOptions): Promise<string>;
  /** Starts a program of this machine inside a node, to run until the node is off; what it writes goes to the file. Returns its pid. */
  startOnNode(node: string, argv: readonly [string, ...string[]], logFile: string): Promise<number>;
  /** kill -9 of `control-plane` or of a node's agent. */
  kill(part: string): Promise<void>;
  /** Starts again what is not running and waits until all is ready. */
  restart(): Promise<void>;
  /** Ends everything of a node at once; `restart` powers it on. */
  powerOff(node: string): Promise<void>;
  /** Cuts a node off the network, or joins it again. */
  connect(node: string, connected: boolean): Promise<void>;
  /** Gives the nodes an image archive; returns its names. */
  load(tar: string): Promise<string[]>;
}

/** Starts a cluster of its own name (default `test-` and random) with 1 node unless told otherwise; ready when it returns. */
export async function startCluster(options: UpOptions = {}): Promise<Cluster> {
  const name = options.name ?? `test-${randomBytes(4).toString('hex')}`;
  try {
    return clusterOf(await up({ ...options, name }));
  } catch (error) {
    await down(name);
    throw error;
  }
}

/** A cluster that runs already. Disposing it takes it down; `client.close()` just leaves it. @throws Error when there is none of that name */
export async function attachCluster(name: string): Promise<Cluster> {
  return clusterOf(await ClusterAccess.open(await existing(name)));
}

function clusterOf(access: ClusterAccess): Cluster {
  const { name, kubeconfig, client } = access;
  // A cache of its own: kubectl keeps discovery by host and port, and ports are used again by later clusters.
  const environment = { KUBECONFIG: kubeconfig, KUBECACHEDIR: `${layoutOf(name).dir}/kubectl-cache` };
  const commandOptions = (o: CommandOptions = {}) => ({
    env: environment,
    ...(o.input === undefined ? {} : { input: o.input }),
    timeoutMs: o.timeoutMs ?? COMMAND_TIMEOUT_MS,
  });
  const holderOf = async (node: string) => {
    const holder = (await existing(name)).nodes.find((n) => n.name === node)?.holder;
    if (!holder) throw new Error(`cluster ${name} has no running node ${node}`);
    return holder;
  };
  return {
    name,
    kubeconfig,
    client,
    nodes: access.record.nodes.map(({ name, ip }) => ({ name, ip })),
    kubectl: async (args, o) => (await run(o?.program ?? 'kubectl', args, commandOptions(o))).stdout,
    tryKubectl: (args, o) => tryRun(o?.program ?? 'kubectl', args, commandOptions(o)),
    async onNode(node, argv, o) {
      const [file, ...args] = insideHost(await holderOf(node), argv);
      return (await run(file, args, commandOptions(o))).stdout;
    },
    async startOnNode(node, argv, logFile) {
      const cgroupProcs = systemGroup(layoutOf(name).node(node).cgroup);
      return startDaemon({ argv: insideHost(await holderOf(node), argv), cgroupProcs, logFile });
    },
    kill: async (part) => void (await killPart(name, part)),
    restart: async () => (await up({ name })).close(),
    powerOff: (node) => powerOff(name, node),
    connect: (node, connected) => connect(name, node, connected),
    load: (tar) => load(name, tar),
    async [Symbol.asyncDispose]() {
      await client.close();
      await down(name);
    },
  };
}
