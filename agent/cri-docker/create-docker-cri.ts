// A Cri over Docker Engine's API: a pause container holds a sandbox's namespaces, our network plugin connects it, containers join it.
import { createReadStream, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { BridgePlugin, ensureMasquerade } from '../../cni/index.ts';
import { cgroups, connectInNetns, homeFirst, Netlink, type PodCgroups, pathOfParent } from '../../kit/linux/index.ts';
import { type Logger, settledWithin, systemClock, Turns } from '../../kit/run/index.ts';
import {
  type CniOptions,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type Cri,
  CriError,
  checkSameDriver,
  EventHub,
  type PodSandboxConfig,
  type PodSandboxStats,
  type PodSandboxStatus,
  refuseCdi,
  toCgroupLimits,
} from '../cri/index.ts';
import { connectDocker } from './engine.ts';
import { asCriError, asked, ensured, isNotFound } from './errors.ts';
import { watchDocker } from './events.ts';
import { imageFsInfo, imageStatus, listImages, loadImage, pullImage, removeImage } from './images.ts';
import { PAUSE_IMAGE, pauseArchive } from './pause-image.ts';
import { configOf, containerName, containerStatus, LABEL, logPathOf, sandboxName, sandboxStatus } from './records.ts';
import { attach, exec, execSync } from './sessions.ts';
import { containerOptions, resources, sandboxOptions } from './to-docker.ts';

export interface DockerCriOptions {
  /** Path of Docker's Unix socket. */
  socket: string;
  /** Makes pods' control groups. */
  groups: PodCgroups;
  cni: CniOptions;
  /** For the addresses of pods. */
  stateDir: string;
  log: Logger;
}

/** @throws CriError when nobody answers at the socket */
export async function createDockerCri(options: DockerCriOptions): Promise<Cri> {
  await homeFirst();
  const docker = await connectDocker(options.socket);
  const { CgroupDriver = options.groups.driver } = (await asked(docker.info())) as { CgroupDriver?: string };
  checkSameDriver(options.groups.driver, CgroupDriver, `Docker at ${options.socket}`);
  const hasPause = await docker
    .getImage(PAUSE_IMAGE)
    .inspect()
    .catch(() => undefined);
  if (!hasPause) (await docker.loadImage(Readable.from([pauseArchive()]))).resume();
  const { clusterCIDR, ...bridge } = options.cni;
  if (clusterCIDR) await ensureMasquerade(bridge.subnet, clusterCIDR);
  return new DockerCri(docker, options, new BridgePlugin({ name: 'pods', stateDir: `${options.stateDir}/cni`, ...bridge })).operations();
}

type Inspected = Docker.ContainerInspectInfo;

class DockerCri {
  readonly #docker: Docker;
  readonly #options: DockerCriOptions;
  readonly #network: BridgePlugin;
  readonly #events = new EventHub();
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  /** Told apart by the addresses that it gives out. */
  readonly #node: string;

  constructor(docker: Docker, options: DockerCriOptions, network: BridgePlugin) {
    this.#docker = docker;
    this.#options = options;
    this.#network = network;
    this.#node = options.cni.subnet;
    void watchDocker(docker, this.#node, this.#stop.signal, (event) => this.#events.emit(event));
  }

  operations(): Cri {
    const [docker, options] = [this.#docker, this.#options];
    const container = (id: string) => docker.getContainer(id);
    return {
      runPodSandbox: (config) => this.#turns.take(`pod/${config.metadata.uid}`, () => this.#runPodSandbox(config)),
      stopPodSandbox: (id) => this.#stopPodSandbox(id),
      removePodSandbox: (id) => this.#removePodSandbox(id),
      podSandboxStatus: async (id) => this.#sandboxStatus(await this.#inspect(id)),
      listPodSandbox: (filter) => this.#listPodSandbox(filter),
      updatePodSandboxResources: async (id, limits) =>
        await options.groups.apply(this.#cgroup(await this.#sandboxConfig(id)), toCgroupLimits(limits)),
      createContainer: (sandboxId, config) =>
        this.#turns.take(`container/${sandboxId}/${config.metadata.name}`, () => this.#createContainer(sandboxId, config)),
      startContainer: (id) => this.#startContainer(id),
      stopContainer: (id, timeoutMs, signal) => this.#stopContainer(id, timeoutMs, signal),
      removeContainer: (id) => ensured(container(id).remove({ force: true, v: true })),
      containerStatus: async (id) => await this.#containerStatus(await this.#inspect(id)),
      listContainers: (filter) => this.#listContainers(filter),
      updateContainerResources: async (id, limits) => void (await asked(container(id).update(resources(limits)))),
      execSync: (id, command, timeoutMs, bytesMax) => execSync(docker, id, command, timeoutMs, bytesMax),
      exec: (id, command, streams) => exec(docker, id, command, streams),
      attach: (id, streams) => attach(docker, id, streams),
      reopenContainerLog: async () => {}, // Docker rotates by itself
      openPort: async (sandboxId, port) => await this.#openPort(sandboxId, port),
      containerStats: async (id) => this.#statsOf(await this.#inspect(id)),
      listContainerStats: async () => (await this.#inspectAll('container', { running: true })).map((c) => this.#statsOf(c)),
      podSandboxStats: (id) => this.#podSandboxStats(id),
      pullImage: (ref, auth) => pullImage(docker, ref, auth),
      imageStatus: (ref) => imageStatus(docker, ref),
      listImages: () => listImages(docker),
      removeImage: (ref) => removeImage(docker, ref),
      loadImage: (tarPath) => loadImage(docker, createReadStream(tarPath)),
      imageFsInfo: () => imageFsInfo(docker),
      events: (signal) => this.#events.subscribe(signal),
      version: async () => ({ runtimeName: 'docker', runtimeVersion: (await asked(docker.version())).Version }),
      status: async () => {
        const info = (await asked(docker.info())) as { Runtimes?: Record<string, object> };
        const handlers = ['', ...Object.keys(info.Runtimes ?? {})];
        return {
          handlers: handlers.map((name) => ({ name, recursiveReadOnlyMounts: false, userNamespaces: false })),
          features: { supplementalGroupsPolicy: false },
          cgroupDriver: options.groups.driver,
          info,
        };
      },
      health: async () => {
        await asked(docker.ping());
        return ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true }));
      },
      inspectPodSandbox: (id) => this.#inspectIfThere(id),
      inspectContainer: (id) => this.#inspectIfThere(id),
      close: async () => {
        this.#stop.abort();
        this.#network.close();
      },
    };
  }

  readonly #cgroup = ({ metadata, linux }: PodSandboxConfig): string =>
    this.#options.groups.group(linux?.cgroupParent ?? `pod${metadata.uid}`);

  #inspect(id: string): Promise<Inspected> {
    return asked(this.#docker.getContainer(id).inspect());
  }

  async #inspectIfThere(id: string): Promise<Inspected | undefined> {
    try {
      return await this.#docker.getContainer(id).inspect();
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw asCriError(error);
    }
  }

  async #inspectAll(kind: 'sandbox' | 'container', { running = false, label = [] as string[] } = {}): Promise<Inspected[]> {
    const filters = { label: [`${LABEL.kind}=${kind}`, `${LABEL.node}=${this.#node}`, ...label] };
    const listed = await asked(this.#docker.listContainers({ all: !running, filters }));
    const found = await Promise.all(listed.map(({ Id }) => this.#inspectIfThere(Id)));
    return found.filter((inspected) => inspected !== undefined);
  }

  async #sandboxConfig(id: string): Promise<PodSandboxConfig> {
    return configOf<PodSandboxConfig>((await this.#inspect(id)).Config.Labels);
  }

  readonly #attachment = (id: string, pid = 0) => ({ containerId: id, netnsPath: `/proc/${pid}/ns/net`, ifName: 'eth0' });

  #sandboxStatus(inspected: Inspected): PodSandboxStatus {
    return sandboxStatus(inspected, this.#network.addressOf(this.#attachment(inspected.Id)));
  }

  /** Each step may be repeated: what a crash left half made is finished by asking again. */
  async #runPodSandbox(config: PodSandboxConfig): Promise<string> {
    try {
      const before = await this.#inspectIfThere(sandboxName(config));
      if (before && before.State.Status === 'exited') throw new Error(`sandbox ${before.Id} was stopped already`);
      const cgroup = this.#cgroup(config);
      const { groups } = this.#options;
      await groups.create(cgroup);
      if (config.linux?.resources) await groups.apply(cgroup, toCgroupLimits(config.linux.resources));
      if (config.logDirectory) mkdirSync(config.logDirectory, { recursive: true });
      const id = before?.Id ?? (await this.#docker.createContainer(sandboxOptions(config, groups.cgroupParent(cgroup), this.#node))).id;
      try {
        await ensured(this.#docker.getContainer(id).start());
        if (config.linux?.namespaces?.network !== 'node')
          await this.#network.add(this.#attachment(id, (await this.#inspect(id)).State.Pid));
      } catch (error) {
        await this.#docker
          .getContainer(id)
          .remove({ force: true, v: true })
          .catch(() => {});
        throw error;
      }
      return id;
    } catch (error) {
      const { message } = asCriError(error);
      const unknown = /unknown (?:or invalid )?runtime (?:name: |specified )(\S+)/i.exec(message)?.[1];
      const text = unknown ? `failed to get sandbox runtime: no runtime for "${unknown}" is configured` : message;
      throw new CriError('FailedCreatePodSandBox', text, error);
    }
  }

  async #stopPodSandbox(id: string): Promise<void> {
    if (!(await this.#inspectIfThere(id))) return;
    const containers = await this.#inspectAll('container', { running: true, label: [`${LABEL.sandboxId}=${id}`] });
    await Promise.all(containers.map(({ Id }) => ensured(this.#docker.getContainer(Id).kill(), 'KillPodSandboxError')));
    await this.#network.del(this.#attachment(id));
    await ensured(this.#docker.getContainer(id).kill(), 'KillPodSandboxError');
  }

  async #removePodSandbox(id: string): Promise<void> {
    const inspected = await this.#inspectIfThere(id);
    if (!inspected) return;
    await this.#stopPodSandbox(id);
    const containers = await this.#inspectAll('container', { label: [`${LABEL.sandboxId}=${id}`] });
    await Promise.all(containers.map(({ Id }) => ensured(this.#docker.getContainer(Id).remove({ force: true, v: true }))));
    await ensured(this.#docker.getContainer(id).remove({ force: true, v: true }));
    const config = configOf<PodSandboxConfig>(inspected.Config.Labels);
    const others = await this.#inspectAll('sandbox', { label: [`${LABEL.podUid}=${config.metadata.uid}`] });
    if (others.length === 0) await this.#options.groups.remove(this.#cgroup(config));
  }

  async #listPodSandbox(filter: Parameters<Cri['listPodSandbox']>[0] = {}): Promise<PodSandboxStatus[]> {
    const label = filter.podUid ? [`${LABEL.podUid}=${filter.podUid}`] : [];
    const found = (await this.#inspectAll('sandbox', { label })).map((inspected) => this.#sandboxStatus(inspected));
    return found.filter(
      (s) => (!filter.id || s.id === filter.id) && (!filter.state || s.state === filter.state) && hasLabels(s.labels, filter.labels),
    );
  }

  async #createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const before = await this.#inspectIfThere(containerName(config, sandboxId));
    if (before) return before.Id;
    const sandbox = await this.#sandboxConfig(sandboxId);
    if (!(await imageStatus(this.#docker, config.image)))
      throw new CriError('ImageNotFound', `failed to create containerd container: image "${config.image}": not found`);
    refuseCdi(config);
    const options = containerOptions(sandboxId, sandbox, config, this.#options.groups.cgroupParent(this.#cgroup(sandbox)), this.#node);
    return (await asked(this.#docker.createContainer(options), 'CreateContainerError')).id;
  }

  async #startContainer(id: string): Promise<void> {
    await ensured(this.#docker.getContainer(id).start(), 'RunContainerError');
    const { Config, LogPath } = await this.#inspect(id);
    const config = configOf<ContainerConfig>(Config.Labels);
    const path = logPathOf(config, await this.#sandboxConfig(Config.Labels[LABEL.sandboxId] ?? ''));
    if (path) link(LogPath, path);
  }

  async #stopContainer(id: string, timeoutMs: number, signal?: string): Promise<void> {
    const container = this.#docker.getContainer(id);
    if (timeoutMs > 0 && signal) {
      await ensured(container.kill({ signal }));
      await settledWithin(
        container.wait().catch(() => {}),
        timeoutMs,
        systemClock,
      );
      await ensured(container.kill());
    } else await ensured(timeoutMs > 0 ? container.stop({ t: Math.ceil(timeoutMs / 1000) }) : container.kill());
    await container.wait().catch(() => {}); // not there: it is dead
  }

  async #containerStatus(inspected: Inspected): Promise<ContainerStatus> {
    const sandboxId = inspected.Config.Labels[LABEL.sandboxId] ?? '';
    const sandbox = await this.#inspectIfThere(sandboxId);
    return containerStatus(inspected, sandbox && configOf<PodSandboxConfig>(sandbox.Config.Labels));
  }

  async #listContainers(filter: Parameters<Cri['listContainers']>[0] = {}): Promise<ContainerStatus[]> {
    const label = filter.sandboxId ? [`${LABEL.sandboxId}=${filter.sandboxId}`] : [];
    const found = await Promise.all((await this.#inspectAll('container', { label })).map((inspected) => this.#containerStatus(inspected)));
    return found.filter(
      (c) => (!filter.id || c.id === filter.id) && (!filter.state || c.state === filter.state) && hasLabels(c.labels, filter.labels),
    );
  }

  async #openPort(sandboxId: string, port: number): Promise<Socket> {
    const { State } = await this.#inspect(sandboxId);
    if (!State.Running) throw new CriError('FailedPrecondition', `sandbox ${sandboxId} is not running`);
    return new Socket({ fd: connectInNetns(`/proc/${State.Pid}/ns/net`, port), allowHalfOpen: true });
  }

  /** From the same cgroup files as of our own service's containers. */
  #statsOf({ Id, Config, HostConfig }: Inspected): ContainerStats {
    const config = configOf<ContainerConfig>(Config.Labels);
    return {
      id: Id,
      sandboxId: Config.Labels[LABEL.sandboxId] ?? '',
      name: config.metadata.name,
      attempt: config.metadata.attempt,
      labels: config.labels ?? {},
      annotations: config.annotations ?? {},
      timestampMs: systemClock.nowMs(),
      rootfsUsedBytes: 0,
      rootfsInodesUsed: 0,
      ...cgroups().stats(this.#options.groups.container(pathOfParent(HostConfig.CgroupParent ?? ''), Id, 'docker')),
    };
  }

  async #podSandboxStats(id: string): Promise<PodSandboxStats> {
    const inspected = await this.#inspect(id);
    const config = configOf<PodSandboxConfig>(inspected.Config.Labels);
    const containers = await this.#inspectAll('container', { running: true, label: [`${LABEL.sandboxId}=${id}`] });
    const stats: PodSandboxStats = {
      ...cgroups().stats(this.#cgroup(config)),
      id,
      timestampMs: systemClock.nowMs(),
      containers: containers.map((container) => this.#statsOf(container)),
    };
    if (inspected.State.Running && config.linux?.namespaces?.network !== 'node') {
      using pod = Netlink.open({ netns: `/proc/${inspected.State.Pid}/ns/net` });
      const eth0 = await pod.link('eth0');
      if (eth0?.stats) stats.network = { name: 'eth0', ...eth0.stats };
    }
    return stats;
  }
}

/** Docker keeps the log; who reads it finds it where the agent's logs are. */
function link(from: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path) || lstatSync(path, { throwIfNoEntry: false })) rmSync(path);
  symlinkSync(from, path);
}

const hasLabels = (labels: Record<string, string>, wanted: Record<string, string> = {}): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);
