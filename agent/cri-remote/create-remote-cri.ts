// A Cri over the socket of another CRI v1 runtime (containerd, CRI-O): the list of operations.
import type { Duplex } from 'node:stream';
import { ensureMasquerade } from '../../cni/index.ts';
import { homeFirst, type PodCgroups } from '../../kit/linux/index.ts';
import { type Logger, Turns, waitFor } from '../../kit/run/index.ts';
import {
  type CniOptions,
  type ContainerStats,
  type ContainerStatus,
  type Cri,
  CriError,
  checkSameDriver,
  EventHub,
  isCriError,
  type PodSandboxStats,
  type PodSandboxStatus,
  toCgroupLimits,
} from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { toResources } from '../cri-grpc/words.ts';
import { Connection, isUnimplemented, REQUEST_TIMEOUT_MS } from './connection.ts';
import { watchContainers } from './events.ts';
import * as from from './from-wire.ts';
import { imageFsInfo, imageStatus, listImages, loadImage, pullImage, removeImage } from './images.ts';
import { type NetworkFolders, writeNetworkConfig } from './network-config.ts';
import { type SandboxNote, sandboxNote } from './notes.ts';
import { attach, exec, execSync, openPort } from './sessions.ts';
import * as to from './to-wire.ts';

export interface RemoteCriOptions {
  /** Path of the runtime's Unix socket. */
  socket: string;
  /** Makes pods' control groups. */
  groups: PodCgroups;
  /** The pods' network. The runtime is told the range; its own configuration may use it (containerd: conf_template). */
  cni: CniOptions;
  /** Where the runtime looks for its network: the agent writes it there. Absent: it is the runtime's own affair. */
  networkFolders?: NetworkFolders;
  /** For the addresses of pods, with networkFolders. */
  stateDir: string;
  log: Logger;
}

/** @throws CriError when nobody answers at the socket, or not as a CRI v1 runtime */
export async function createRemoteCri(options: RemoteCriOptions): Promise<Cri> {
  await homeFirst();
  const { cni, networkFolders, stateDir } = options;
  const connection = new Connection(options.socket, cni.nodeNetns);
  try {
    const { runtimeName = '' } = await connection.call<wire.VersionResponse>('RuntimeService', 'Version', { version: 'v1' });
    const driver = await driverOf(connection);
    if (driver) checkSameDriver(options.groups.driver, driver, `the runtime at unix://${options.socket}`);
    if (cni.clusterCIDR) await ensureMasquerade(cni.subnet, cni.clusterCIDR);
    if (networkFolders) await writeNetworkConfig(networkFolders, { ...cni, stateDir: `${stateDir}/cni` });
    const runtimeConfig: wire.RuntimeConfig = { networkConfig: { podCidr: cni.subnet } };
    await connection.call('RuntimeService', 'UpdateRuntimeConfig', { runtimeConfig });
    if (networkFolders) await untilNetworkReady(connection);
    return new RemoteCri(connection, runtimeName, options).operations();
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Undefined: it does not tell (containerd before 2.0). */
async function driverOf(connection: Connection): Promise<string | undefined> {
  try {
    const { linux } = await connection.call<wire.RuntimeConfigResponse>('RuntimeService', 'RuntimeConfig', {});
    return linux ? (linux.cgroupDriver ?? 'SYSTEMD').toLowerCase() : undefined;
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    throw error;
  }
}

/** It watches the folder that its configuration was written to. @throws Error with what it still lacks */
async function untilNetworkReady(connection: Connection): Promise<void> {
  await waitFor({ what: `the network of unix://${connection.socket}`, timeoutMs: NETWORK_TIMEOUT_MS, everyMs: 50 }, async () => {
    const { status } = await connection.call<wire.StatusResponse>('RuntimeService', 'Status', {});
    const network = status?.conditions?.find(({ type }) => type === 'NetworkReady');
    if (network?.status !== true) throw new Error(network?.message ?? 'no word of it in its status');
    return true;
  });
}

const NETWORK_TIMEOUT_MS = 10_000;
const EXIT_TIMEOUT_MS = 2_000;

class RemoteCri {
  readonly #connection: Connection;
  readonly #runtimeName: string;
  readonly #groups: PodCgroups;
  readonly #events = new EventHub();
  /** One request for a sandbox or a container at a time: asking twice must make one. */
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  /** By id; filled from the runtime when it is not there, so it may be dropped at any time. Ends with the sandbox. */
  readonly #notes = new Map<string, SandboxNote>();

  constructor(connection: Connection, runtimeName: string, { groups }: RemoteCriOptions) {
    this.#connection = connection;
    this.#runtimeName = runtimeName;
    this.#groups = groups;
    void watchContainers(connection, this.#stop.signal, (event) => this.#events.emit(event));
  }

  #call<Answer>(name: string, request: object, options?: Parameters<Connection['call']>[3]): Promise<Answer> {
    return this.#connection.call<Answer>('RuntimeService', name, request, options);
  }

  operations(): Cri {
    const connection = this.#connection;
    const call = this.#call.bind(this);
    return {
      runPodSandbox: (config) => this.#turns.take(`pod/${config.metadata.uid}`, () => this.#runPodSandbox(config)),
      stopPodSandbox: (id) =>
        gone(call('StopPodSandbox', { podSandboxId: id }, { timeoutMs: 2 * REQUEST_TIMEOUT_MS, reason: 'KillPodSandboxError' })),
      removePodSandbox: (id) => this.#removePodSandbox(id),
      podSandboxStatus: (id) => this.#podSandboxStatus(id),
      listPodSandbox: (filter) => this.#listPodSandbox(filter),
      updatePodSandboxResources: async (id, resources) =>
        await this.#groups.apply(this.#cgroup(await this.#note(id)), toCgroupLimits(resources)),
      createContainer: (sandboxId, config) =>
        this.#turns.take(`container/${sandboxId}/${config.metadata.name}`, () => this.#createContainer(sandboxId, config)),
      startContainer: async (id) => void (await call('StartContainer', { containerId: id }, { reason: 'RunContainerError' })),
      stopContainer: (id, timeoutMs) => {
        const timeout = Math.ceil(timeoutMs / 1000);
        return gone(call('StopContainer', { containerId: id, timeout }, { timeoutMs: timeoutMs + REQUEST_TIMEOUT_MS }));
      },
      removeContainer: (id) => gone(call('RemoveContainer', { containerId: id })),
      containerStatus: (id) => this.#containerStatus(id),
      listContainers: (filter) => this.#listContainers(filter),
      updateContainerResources: async (id, resources) =>
        void (await call('UpdateContainerResources', { containerId: id, linux: toResources(resources) })),
      execSync: (id, command, timeoutMs, bytesMax) => execSync(connection, id, command, timeoutMs, bytesMax),
      exec: (id, command, streams) => exec(connection, id, command, streams),
      attach: (id, streams) => this.#attach(id, streams),
      reopenContainerLog: async (id) => void (await call('ReopenContainerLog', { containerId: id })),
      openPort: (sandboxId, port): Promise<Duplex> => openPort(connection, sandboxId, port),
      containerStats: (id) => this.#containerStats(id),
      listContainerStats: () => this.#listContainerStats(),
      podSandboxStats: (id) => this.#podSandboxStats(id),
      pullImage: (ref, auth) => pullImage(connection, ref, auth),
      imageStatus: (ref) => imageStatus(connection, ref),
      listImages: () => listImages(connection),
      removeImage: (ref) => removeImage(connection, ref),
      loadImage: (tarPath) => loadImage(connection, this.#runtimeName, tarPath),
      imageFsInfo: () => imageFsInfo(connection),
      events: (signal) => this.#events.subscribe(signal),
      version: async () => {
        const { runtimeName = '', runtimeVersion = '' } = await call<wire.VersionResponse>('Version', { version: 'v1' });
        return { runtimeName, runtimeVersion };
      },
      status: async () => {
        const { runtimeHandlers = [], features, info } = await call<wire.StatusResponse>('Status', { verbose: true });
        return {
          handlers: (runtimeHandlers.length > 0 ? runtimeHandlers : configuredHandlers(info)).map((h) => ({
            name: h.name ?? '',
            recursiveReadOnlyMounts: h.features?.recursiveReadOnlyMounts === true,
            userNamespaces: h.features?.userNamespaces === true,
          })),
          features: { supplementalGroupsPolicy: features?.supplementalGroupsPolicy === true },
          cgroupDriver: this.#groups.driver,
          info: info ?? {},
        };
      },
      health: async () => (await call<wire.StatusResponse>('Status', {})).status?.conditions ?? [],
      inspectPodSandbox: (id) => orUndefined(call<object>('PodSandboxStatus', { podSandboxId: id, verbose: true })),
      inspectContainer: (id) => orUndefined(call<object>('ContainerStatus', { containerId: id, verbose: true })),
      close: async () => {
        this.#stop.abort();
        connection.close();
      },
    };
  }

  /** As kubelet does: the pod's cgroup with its limits is made here, the runtime's containers come below it. */
  async #runPodSandbox(config: Parameters<Cri['runPodSandbox']>[0]): Promise<string> {
    const { metadata, linux, runtimeHandler = '' } = config;
    const [before] = await this.#listPodSandbox({ podUid: metadata.uid, state: 'ready' });
    if (before?.metadata.attempt === metadata.attempt && before.metadata.name === metadata.name) return before.id;
    const cgroup = this.#cgroup(config);
    await this.#groups.create(cgroup);
    if (linux?.resources) await this.#groups.apply(cgroup, toCgroupLimits(linux.resources));
    const { podSandboxId = '' } = await this.#call<wire.RunPodSandboxResponse>(
      'RunPodSandbox',
      { config: to.podSandboxConfig(config, this.#groups.cgroupParent(cgroup)), runtimeHandler },
      { timeoutMs: 2 * REQUEST_TIMEOUT_MS, reason: 'FailedCreatePodSandBox' },
    ).catch((error: Error) => {
      throw new CriError('FailedCreatePodSandBox', error.message, error);
    });
    this.#notes.set(podSandboxId, config);
    return podSandboxId;
  }

  async #removePodSandbox(id: string): Promise<void> {
    const note = await this.#note(id).catch(() => undefined);
    // which ends by itself what still runs
    await gone(this.#call('RemovePodSandbox', { podSandboxId: id }, { timeoutMs: 2 * REQUEST_TIMEOUT_MS, reason: 'KillPodSandboxError' }));
    this.#notes.delete(id);
    const others = note ? await this.#listPodSandbox({ podUid: note.metadata.uid }) : [];
    if (note && others.length === 0) await this.#groups.remove(this.#cgroup(note));
  }

  #cgroup({ metadata, linux }: SandboxNote): string {
    return this.#groups.group(linux?.cgroupParent ?? `pod${metadata.uid}`);
  }

  async #note(id: string): Promise<SandboxNote> {
    const known = this.#notes.get(id);
    if (known) return known;
    const { status } = await this.#call<wire.PodSandboxStatusResponse>('PodSandboxStatus', { podSandboxId: id });
    const note = sandboxNote(status?.annotations);
    if (!note) throw new CriError('FailedPrecondition', `sandbox ${id} was not made by this agent`);
    this.#notes.set(id, note);
    return note;
  }

  async #podSandboxStatus(id: string): Promise<PodSandboxStatus> {
    const { status } = await this.#call<wire.PodSandboxStatusResponse>('PodSandboxStatus', { podSandboxId: id });
    return from.podSandboxStatus(status ?? {});
  }

  /** The runtime's list has no addresses: each is asked for. One that goes in between is left out. */
  async #listPodSandbox(filter: Parameters<Cri['listPodSandbox']>[0]): Promise<PodSandboxStatus[]> {
    const { items = [] } = await this.#call<wire.ListPodSandboxResponse>('ListPodSandbox', { filter: to.sandboxFilter(filter) });
    const wanted = items.filter(({ metadata }) => filter?.podUid === undefined || metadata?.uid === filter.podUid);
    const found = await Promise.all(wanted.map(({ id = '' }) => ifThere(this.#podSandboxStatus(id))));
    return found.filter((status) => status !== undefined);
  }

  async #createContainer(sandboxId: string, config: Parameters<Cri['createContainer']>[1]): Promise<string> {
    const note = await this.#note(sandboxId);
    const { name, attempt } = config.metadata;
    const before = (await this.#containers({ sandboxId })).find((c) => c.metadata?.name === name && c.metadata.attempt === attempt);
    if (before?.state === 'CONTAINER_CREATED') return before.id ?? '';
    if (!(await imageStatus(this.#connection, config.image)))
      throw new CriError('ImageNotFound', `failed to create containerd container: image "${config.image}": not found`);
    const { containerId = '' } = await this.#call<wire.CreateContainerResponse>(
      'CreateContainer',
      {
        podSandboxId: sandboxId,
        config: to.containerConfig(sandboxId, note, config),
        sandboxConfig: to.podSandboxConfig(note, this.#groups.cgroupParent(this.#cgroup(note))),
      },
      { reason: 'CreateContainerError' },
    );
    return containerId;
  }

  async #containers(filter: Parameters<Cri['listContainers']>[0]): Promise<wire.Container[]> {
    return (await this.#call<wire.ListContainersResponse>('ListContainers', { filter: to.containerFilter(filter) })).containers ?? [];
  }

  async #listContainers(filter: Parameters<Cri['listContainers']>[0]): Promise<ContainerStatus[]> {
    const listed = await this.#containers(filter);
    const found = await Promise.all(listed.map(({ id = '', podSandboxId }) => ifThere(this.#containerStatus(id, podSandboxId))));
    return found.filter((status) => status !== undefined);
  }

  async #containerStatus(id: string, sandboxId?: string): Promise<ContainerStatus> {
    const { status } = await this.#call<wire.ContainerStatusResponse>('ContainerStatus', { containerId: id });
    const known = from.containerStatus(status ?? {}, sandboxId ?? '');
    return known.sandboxId !== '' ? known : { ...known, sandboxId: (await this.#containers({ id }))[0]?.podSandboxId ?? '' };
  }

  async #attach(id: string, streams: Parameters<Cri['attach']>[1]): Promise<Awaited<ReturnType<Cri['attach']>>> {
    return await attach(this.#connection, id, streams, async () => {
      // the streams may end a little before the runtime has noticed why
      const exited = await waitFor({ what: `the exit of ${id}`, timeoutMs: EXIT_TIMEOUT_MS }, async () => {
        const { state, exitCode } = await this.#containerStatus(id);
        return state === 'exited' && { exitCode };
      }).catch(() => undefined);
      return exited?.exitCode ?? -1;
    });
  }

  async #containerStats(id: string): Promise<ContainerStats> {
    const { stats } = await this.#call<wire.ContainerStatsResponse>('ContainerStats', { containerId: id });
    return from.containerStats(stats ?? {}, '');
  }

  async #listContainerStats(): Promise<ContainerStats[]> {
    const { stats = [] } = await this.#call<wire.ListContainerStatsResponse>('ListContainerStats', { filter: {} });
    return stats.map((s) => from.containerStats(s, ''));
  }

  /** Where the runtime does not count by pod: its containers together. */
  async #podSandboxStats(id: string): Promise<PodSandboxStats> {
    try {
      const { stats } = await this.#call<wire.PodSandboxStatsResponse>('PodSandboxStats', { podSandboxId: id });
      return from.podSandboxStats(id, stats ?? {});
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
    }
    const containers = (await this.#listContainerStats()).filter(({ sandboxId }) => sandboxId === id);
    const sum = (of: (stats: ContainerStats) => number) => containers.reduce((total, stats) => total + of(stats), 0);
    return {
      id,
      timestampMs: Math.max(0, ...containers.map(({ timestampMs }) => timestampMs)),
      cpuUsageNanos: sum((s) => s.cpuUsageNanos),
      memoryUsageBytes: sum((s) => s.memoryUsageBytes),
      memoryWorkingSetBytes: sum((s) => s.memoryWorkingSetBytes),
      pids: sum((s) => s.pids),
      containers,
    };
  }
}

/** Runtimes older than CRI's list of handlers: what containerd says of its configuration, at least the default. */
function configuredHandlers({ config = '{}' }: Record<string, string> = {}): wire.RuntimeHandler[] {
  const { containerd } = JSON.parse(config) as { containerd?: { runtimes?: object } };
  return ['', ...Object.keys(containerd?.runtimes ?? {})].map((name) => ({ name }));
}

const ifThere = async <T>(asked: Promise<T>): Promise<T | undefined> =>
  await asked.catch((error: unknown) => {
    if (isCriError(error, 'NotFound')) return undefined;
    throw error;
  });

/** Stopping and removing what is not there has succeeded; some runtimes say otherwise. */
const gone = async (asked: Promise<unknown>): Promise<void> => void (await ifThere(asked));
const orUndefined = ifThere;
