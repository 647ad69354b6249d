// What the steps of the virtual machine work with: a cluster of one node, its control groups as files, and waits for an emulated machine.
import { readFileSync } from 'node:fs';
import type { Node, Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { type CgroupDriverName, type CgroupNames, cgroupNames, cgroups } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import type { Cluster } from '../../rig/index.ts';

export type PodObject = Pod & KubeObject;

export interface Step {
  title: string;
  /** Absent: of either. */
  driver?: CgroupDriverName;
  /** Control groups; absent: of either. */
  groups?: 'v1' | 'v2';
  /** What the kernel must have, else the step is skipped. */
  needs?: { what: string; met: () => boolean };
  run(guest: Guest): Promise<void>;
}

/** Another kernel on a busy machine takes fifty times as long as the machine's own, and its processors are shared by all. */
export const SLOW_MS = 120_000;
/** Of all programs of a cluster. */
export const START_MS = 10 * SLOW_MS;
export const MIB = 2 ** 20;
export const NODE = 'node-1';
const namespace = 'default';
export const IMAGE = 'wherry/tools:1';

/** @throws Error `expected WHAT, got: JSON` */
export function expectThat(holds: boolean, what: string, got: unknown): void {
  if (!holds) throw new Error(`expected ${what}, got: ${JSON.stringify(got)}`);
}

/** @throws Error naming `what` */
export function expectEqual(what: string, got: unknown, wanted: unknown): void {
  expectThat(JSON.stringify(got) === JSON.stringify(wanted), `${what} to be ${JSON.stringify(wanted)}`, got);
}

/** As the machine was booted. */
export const isV1 = cgroups().layout !== 'v2';

export class Guest {
  readonly cluster: Cluster;
  readonly driver: CgroupDriverName;
  readonly #names: CgroupNames;

  constructor(cluster: Cluster, driver: CgroupDriverName) {
    this.cluster = cluster;
    this.driver = driver;
    this.#names = cgroupNames(driver, `/wherry/${cluster.name}/${NODE}`);
  }

  /** A control group below `kubepods`, from the root of the hierarchies. */
  group(path = ''): string {
    return this.#names.group(`kubepods${path}`);
  }

  podGroup({ metadata: { uid }, status }: PodObject): string {
    const qos = status?.qosClass;
    return this.group(`${qos === 'Guaranteed' ? '' : `/${qos?.toLowerCase()}`}/pod${uid}`);
  }

  containerGroup(pod: PodObject, container = 'c'): string {
    const id = pod.status?.containerStatuses?.find(({ name }) => name === container)?.containerID?.replace(/^.*:\/\//, '') ?? '';
    return this.#names.container(this.podGroup(pod), id);
  }

  /** A pod of one container that runs `script`. */
  async create(name: string, container: object = {}, spec: object = {}, script = 'sleep infinity'): Promise<PodObject> {
    const wanted = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        terminationGracePeriodSeconds: 0,
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        containers: [{ name: 'c', image: IMAGE, command: ['sh', '-c', script], ...container }],
        ...spec,
      },
    };
    return await this.cluster.client.create<PodObject>(RESOURCES.pods, wanted as unknown as PodObject, { namespace });
  }

  /** The pod, once its status is as wanted. */
  async until(name: string, what: string, done: (status: PodStatus) => boolean): Promise<PodObject> {
    let last: PodStatus | undefined;
    return await waitFor({ what: `pod ${name} ${what}`, timeoutMs: SLOW_MS, everyMs: 500 }, async () => {
      const pod = await this.cluster.client.get<PodObject>(RESOURCES.pods, name, { namespace });
      last = pod.status;
      return last && done(last) ? pod : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}: ${JSON.stringify(last)}`);
    });
  }

  /** What systemd has written at a reload the agent mends in a moment. @throws Error with what it was last */
  async becomes<T>(what: string, look: () => Promise<T>, wanted: T): Promise<void> {
    await waitFor({ what, timeoutMs: SLOW_MS, everyMs: 500 }, async () => {
      expectEqual(what, await look(), wanted);
      return true;
    });
  }

  running(name: string): Promise<PodObject> {
    return this.until(name, 'to run', ({ containerStatuses }) => containerStatuses?.every(({ state }) => state?.running) ?? false);
  }

  /** Until an event of the pod says so. */
  async tells(name: string, ...words: string[]): Promise<void> {
    await waitFor({ what: `pod ${name} to tell ${words.join(' ')}`, timeoutMs: SLOW_MS, everyMs: 1000 }, async () => {
      const said = await this.cluster.kubectl(['describe', 'pod', name], { timeoutMs: SLOW_MS });
      return words.every((word) => said.includes(word));
    });
  }

  ended(name: string): Promise<PodObject> {
    return this.until(name, 'to end', ({ phase }) => phase === 'Failed' || phase === 'Succeeded');
  }

  /** In place, requests as limits. */
  async resize(name: string, cpu: string, memory: string): Promise<PodObject> {
    const resources = { requests: { cpu, memory }, limits: { cpu, memory } };
    const patch = JSON.stringify({ spec: { containers: [{ name: 'c', resources }] } });
    await this.cluster.kubectl(['patch', 'pod', name, '--subresource=resize', '-p', patch], { timeoutMs: SLOW_MS });
    return await this.until(name, 'to be resized', (s) => s.containerStatuses?.[0]?.resources?.limits?.['memory'] === memory);
  }

  node(): Promise<Node & KubeObject> {
    return this.cluster.client.get<Node & KubeObject>(RESOURCES.nodes, NODE);
  }

  /** A page of the agent's API. */
  ofAgent(path: string): Promise<string> {
    return this.cluster.kubectl(['get', '--raw', `/api/v1/nodes/${NODE}/proxy${path}`], { timeoutMs: SLOW_MS });
  }

  exec(name: string, script: string, container = 'c'): Promise<string> {
    return this.cluster.kubectl(['exec', name, '-c', container, '--', 'sh', '-c', script], { timeoutMs: SLOW_MS });
  }

  logs(name: string): Promise<string> {
    return this.cluster.kubectl(['logs', name], { timeoutMs: SLOW_MS });
  }

  async remove(...names: string[]): Promise<void> {
    await this.cluster.kubectl(['delete', 'pod', '--force', '--grace-period=0', '--ignore-not-found', ...names], { timeoutMs: SLOW_MS });
  }
}

/** The text of a kernel's file. */
export const read = (file: string): string => readFileSync(file, 'utf8').trim();

/** `file: text` of a control group, to be compared at once. */
export const files = (group: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, fileOf(group, name)]));

/** A file of a control group by its name on v2, and what v2 would say; empty where v1 has no such. */
export function fileOf(group: string, name: string): string {
  const read = (file: string) =>
    cgroups()
      .read(group, file.split('.')[0] ?? '', file)
      .trim();
  if (!isV1) return read(name);
  switch (name) {
    case 'cpu.max': {
      const quota = read('cpu.cfs_quota_us');
      return `${quota === '-1' ? 'max' : quota} ${read('cpu.cfs_period_us')}`;
    }
    case 'cpu.weight':
      return read('cpu.shares');
    case 'memory.max': {
      const bytes = read('memory.limit_in_bytes');
      return Number(bytes) > 2 ** 60 ? 'max' : bytes;
    }
    case 'devices.list':
      return read(name).split('\n').sort().join(); // systemd turns it round with each reload
    case 'memory.current':
      return read('memory.usage_in_bytes');
    default:
      return read(name);
  }
}

/** What a request of a processor's thousandths is in `cpu.weight`; on v1 in its shares. By the formulas that runtimes and kubelet share. */
export function weight(milli: number): string {
  const shares = Math.max(2, Math.floor((milli * 1024) / 1000));
  return String(isV1 ? shares : Math.floor(1 + ((shares - 2) * 9999) / 262_142));
}
