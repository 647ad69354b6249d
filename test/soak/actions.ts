// What happens to the cluster, by how often it does.
import { readFileSync } from 'node:fs';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { identify, signalProcess } from '../../kit/exec/index.ts';
import { cgroups } from '../../kit/linux/index.ts';
import type { Cluster } from '../../rig/index.ts';
import { KINDS, limits, podSpec } from './kinds.ts';
import type { Chance } from './random.ts';

const namespace = 'default';
/** More are not made: the machine has other work than ours. */
const PODS_MAX = 24;
const MONITORS = /^(\S*\/)?(conmon|runc|crun) /;

export class World {
  readonly cluster: Cluster;
  readonly chance: Chance;
  readonly nodes: readonly string[];
  /** Of each node: the parent of its control groups. */
  readonly groups: readonly string[];
  #serial = 0;

  constructor(cluster: Cluster, chance: Chance, nodes: readonly string[], groups: readonly string[]) {
    this.cluster = cluster;
    this.chance = chance;
    this.nodes = nodes;
    this.groups = groups;
  }

  async pods(): Promise<(Pod & KubeObject)[]> {
    return (await this.cluster.client.list<Pod & KubeObject>(RESOURCES.pods, { namespace })).items;
  }

  async create(kind: string, node: string): Promise<void> {
    const serial = this.#serial++;
    const metadata = { name: `pod-${serial}`, labels: { kind: kind.replaceAll(' ', '-') } };
    const spec = podSpec(kind, node, serial, this.chance.of([0, 1, 3]));
    await this.cluster.client.create(RESOURCES.pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec } as KubeObject, { namespace });
  }

  async delete(name: string, options = {}): Promise<void> {
    await this.cluster.client.delete(RESOURCES.pods, name, { namespace, ...options });
  }

  async resize(name: string): Promise<void> {
    const resources = limits(this.chance.of(['100m', '200m', '300m']), this.chance.of(['64Mi', '96Mi']));
    const patch = { spec: { containers: [{ name: 'c', resources }] } };
    await this.cluster.client.patch(RESOURCES.pods, name, 'strategic', patch, { namespace, subresource: 'resize' });
  }

  /** Kills a process of ours on the machine, or one that watches a container. */
  async kill(what: string): Promise<void> {
    await this.cluster.kill(what);
    await this.cluster.restart();
  }

  killMonitor(): void {
    const pids = this.groups.flatMap((group) => cgroups().pids(group)).filter(isMonitor);
    const victim = pids.length > 0 ? identify(this.chance.of(pids)) : undefined;
    if (victim) signalProcess(victim, 'SIGKILL');
  }
}

function isMonitor(pid: number): boolean {
  try {
    return MONITORS.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
  } catch {
    return false; // it has ended
  }
}

/** `pod`: one of those that are there. */
type Action = (world: World, pod: string) => Promise<unknown>;

export const ACTIONS: readonly [weight: number, name: string, act: Action][] = [
  [3, 'create', (world) => world.create(world.chance.of(Object.keys(KINDS)), world.chance.of(world.nodes))],
  [2, 'delete', (world, pod) => world.delete(pod)],
  [1, 'delete by force', (world, pod) => world.delete(pod, { gracePeriodSeconds: 0 })],
  [2, 'resize', (world, pod) => world.resize(pod)],
  [1, 'exec', (world, pod) => world.cluster.tryKubectl(['exec', pod, '--', 'true'])],
  [1, 'logs', (world, pod) => world.cluster.tryKubectl(['logs', pod])],
  [2, 'kill an agent', (world) => world.kill(world.chance.of(world.nodes))],
  [1, 'kill the control plane', (world) => world.kill('control-plane')],
  [1, 'kill a monitor', async (world) => world.killMonitor()],
];

const WEIGHTED = ACTIONS.flatMap(([weight, ...action]) => Array<[string, Action]>(weight).fill(action));

/** The next one, and what it was; pods are made while there are none, and not when there are many. */
export async function act(world: World): Promise<string> {
  const pods = await world.pods();
  const [name, action] = pods.length === 0 ? WEIGHTED[0]! : world.chance.of(WEIGHTED);
  if (name === 'create' && pods.length >= PODS_MAX) return 'nothing';
  try {
    await action(world, pods.length > 0 ? (world.chance.of(pods).metadata.name ?? '') : '');
    return name;
  } catch {
    return `${name} (refused)`; // the pod has gone, or has ended
  }
}
