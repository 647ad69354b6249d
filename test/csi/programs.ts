// The programs of a CSI driver, each a process: the driver and its registrar on a node, its sidecars beside the cluster.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, signalProcess } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import type { Cluster } from '../../rig/index.ts';

export const DRIVER = 'hostpath.csi.k8s.io';

/** The file that defines a kind of snapshots, as external-snapshotter names it. */
export const definitionOf = (kind: 'volumesnapshots' | 'volumegroupsnapshots'): string =>
  `crd/${kind === 'volumesnapshots' ? '' : 'group'}snapshot.storage.k8s.io_${kind}.yaml`;

/** So many volumes the node can have. */
export const ATTACHED_MAX = 4;

/** Sidecars end when their driver does: they are started again after so long, as a Deployment's would be. */
const AGAIN_MS = 1000;

interface Place {
  cluster: Cluster;
  /** The agent's state folder of the node that has the driver. */
  state: string;
  node: string;
  /** Holds the programs. */
  binaries: string;
  /** For logs and the driver's data. */
  work: string;
}

const common = ['--v=5'];

const socketOf = (state: string): string => `${state}/plugins/csi-hostpath/csi.sock`;

/** What each is started with, by its name; the driver first. */
function commandsOf({ cluster, node, state, work }: Place): Record<string, readonly string[]> {
  const socket = socketOf(state);
  const sidecar = [...common, `--csi-address=${socket}`, `--kubeconfig=${cluster.kubeconfig}`];
  return {
    hostpathplugin: [
      ...common,
      `--endpoint=unix://${socket}`,
      `--nodeid=${node}`,
      `--statedir=${work}/data`,
      '--enable-attach',
      `--attach-limit=${ATTACHED_MAX}`,
      '--enable-controller-modify-volume',
      '--capacity=fast=100Gi',
      '--capacity=slow=1Gi',
    ],
    'csi-node-driver-registrar': [
      ...common,
      `--csi-address=${socket}`,
      `--kubelet-registration-path=${socket}`,
      `--plugin-registration-path=${state}/plugins_registry`,
    ],
    'csi-provisioner': [
      ...sidecar,
      '--feature-gates=Topology=true',
      '--enable-capacity',
      '--capacity-ownerref-level=-1',
      '--capacity-poll-interval=5s',
      '--extra-create-metadata',
    ],
    'csi-attacher': sidecar,
    'csi-resizer': sidecar,
    'snapshot-controller': [...common, `--kubeconfig=${cluster.kubeconfig}`],
    'csi-snapshotter': sidecar,
  };
}

/** They run on the node, in its namespaces, as containers of a DaemonSet would. */
const ON_NODE = new Set(['hostpathplugin', 'csi-node-driver-registrar']);

export class Programs {
  readonly #place: Place;
  readonly #commands: Record<string, readonly string[]>;
  readonly #children = new Map<string, ChildProcess>();
  readonly #pids = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(place: Place) {
    this.#place = place;
    this.#commands = commandsOf(place);
    mkdirSync(`${place.state}/plugins/csi-hostpath`, { recursive: true });
    for (const folder of ['data', 'logs']) mkdirSync(join(place.work, folder));
  }

  /** What the folder lacks of these programs and files. */
  missing(names: readonly string[]): string[] {
    return names.filter((name) => !existsSync(join(this.#place.binaries, name)));
  }

  /** All that there are. */
  async startAll(): Promise<void> {
    const names = Object.keys(this.#commands);
    const missing = new Set(this.missing(names));
    for (const name of names) if (!missing.has(name)) await this.start(name);
  }

  async start(name: string): Promise<void> {
    const { binaries, cluster, node, work } = this.#place;
    const args = this.#commands[name] ?? [];
    const log = this.logFile(name);
    if (ON_NODE.has(name)) {
      this.#pids.set(name, await cluster.startOnNode(node, [join(binaries, name), ...args], log));
      return;
    }
    if (this.#stop.signal.aborted) return;
    const out = openSync(log, 'a');
    const env = { ...process.env, NAMESPACE: 'kube-system', POD_NAME: name, NODE_NAME: node };
    const child = spawn(join(binaries, name), args, { cwd: work, env, stdio: ['ignore', out, out] });
    closeSync(out);
    this.#children.set(name, child);
    child.once('exit', () => {
      const again = () => this.start(name);
      sleep(AGAIN_MS, undefined, { signal: this.#stop.signal }).then(again, () => {});
    });
  }

  /** Asks the driver all that csi-test knows, but for what it accepts only as started here: any parameters of a volume's attributes. */
  async sanity(): Promise<void> {
    const { binaries, cluster, node, state, work } = this.#place;
    const skipped = 'ModifyVolume|invalid volume attribute class';
    const options = [`--csi.endpoint=unix://${socketOf(state)}`, `--csi.mountdir=${work}/target`, `--csi.stagingdir=${work}/staging`];
    await cluster.onNode(node, [join(binaries, 'csi-sanity'), ...options, `--ginkgo.skip=${skipped}`, '--ginkgo.no-color']);
  }

  /** kill -9. */
  async kill(name: string): Promise<void> {
    this.#children.get(name)?.kill('SIGKILL');
    const process = identify(this.#pids.get(name) ?? 0);
    if (!process) return;
    signalProcess(process, 'SIGKILL');
    await waitFor({ what: `${name} to end`, timeoutMs: 30_000, everyMs: 10 }, () => !isAlive(process));
  }

  logFile(name: string): string {
    return join(this.#place.work, 'logs', `${name}.log`);
  }

  /** What the driver has: a file or folder for each volume and snapshot. */
  kept(): string[] {
    return readdirSync(join(this.#place.work, 'data')).filter((name) => name !== 'state.json');
  }

  log(name: string): string {
    return readFileSync(this.logFile(name), 'utf8');
  }

  async stopAll(): Promise<void> {
    this.#stop.abort();
    for (const name of Object.keys(this.#commands)) await this.kill(name);
  }
}
