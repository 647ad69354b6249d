// Puts runtime, images and cni together into one Cri: the list of operations.
import { dirname, join } from 'node:path';
import { BridgePlugin, ensureMasquerade } from '../../cni/index.ts';
import { homeFirst, type PodCgroups } from '../../kit/linux/index.ts';
import { type Logger, Turns } from '../../kit/run/index.ts';
import { ImageStore } from '../images/index.ts';
import { availableCapabilities, OciRuntime, type RuntimeProgram } from '../runtime/index.ts';
import { containerDetails } from './container-details.ts';
import { noticeExit } from './container-exit.ts';
import { containerStatus, listContainers } from './container-status.ts';
import { type CniOptions, type CriContext, messageOf } from './context.ts';
import { createContainer } from './create-container.ts';
import type { Cri } from './cri.ts';
import { EventHub } from './events.ts';
import { attach, exec, execSync } from './exec.ts';
import { imageFsInfo, imageStatus, listImages, loadImage, pullImage } from './images.ts';
import { inspectContainer, inspectPodSandbox, runtimeStatus } from './inspect.ts';
import { openPort } from './open-port.ts';
import { type ContainerRecord, Records, type SandboxRecord } from './records.ts';
import { recover } from './recover.ts';
import { removeContainer } from './remove-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { reopenContainerLog } from './reopen-log.ts';
import { restoreLimits } from './restore-limits.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { listPodSandbox, podSandboxStatus } from './sandbox-status.ts';
import { startContainer } from './start-container.ts';
import { containerStats, listContainerStats, podSandboxStats } from './stats.ts';
import { stopContainer } from './stop-container.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { updateContainerResources } from './update-container-resources.ts';
import { updatePodSandboxResources } from './update-pod-sandbox-resources.ts';
import { usersProbe } from './user-namespace.ts';

export interface CriOptions {
  /** Records and writable layers; survives a reboot. One per node. */
  stateDir: string;
  /** Pinned namespaces, sockets, exit files; in the node's mount namespace. One per node. */
  runDir: string;
  /** Names and unpacked layers; may be shared by all nodes of a machine. */
  imagesDir: string;
  /** The runtime of pods that name none. */
  runtime: RuntimeProgram;
  /** Further runtimes, by the handler that a RuntimeClass names. */
  runtimeHandlers?: Readonly<Record<string, RuntimeProgram>>;
  /** Makes pods' control groups. */
  groups: PodCgroups;
  cni: CniOptions;
  /** Folder that relative paths of seccomp profiles (`Localhost`) start from. Default: `seccomp` beside the state folder. */
  seccompFolder?: string;
  /** Registries spoken to without TLS, `host:port`; loopback is, where there is no certificate for it. */
  insecureRegistries?: readonly string[];
  /** Endpoints asked before a registry itself: `{ 'docker.io': ['http://127.0.0.1:5000'] }`. */
  mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Folder of certificates for registries, `HOST[:PORT]/ca.crt`; absent: those of the system alone. */
  registryCertsDir?: string;
  log: Logger;
}

/** Opens the state left by an earlier process and takes its containers over. @throws when a tool (runc, crun, conmon) is missing */
export async function createCri(options: CriOptions): Promise<Cri> {
  await homeFirst();
  const { subnet, clusterCIDR } = options.cni;
  const masquerade = clusterCIDR ? ensureMasquerade(subnet, clusterCIDR) : undefined;
  masquerade?.catch(() => {}); // awaited below
  const context = await openContext(options);
  const notice = (id: string) =>
    void context.turns
      .take(`exit/${id}`, () => noticeExit(context, id))
      .catch((error: unknown) => context.log.error({ container: id, error: messageOf(error) }, 'recording an exit'));
  context.runtime.onExit(notice);
  await Promise.all([recover(context), masquerade]);
  const closed = new AbortController();
  const restore = () => restoreLimits(context);
  if (context.groups.driver === 'systemd') restore(); // nobody was there to see a reload
  context.groups.watch(restore, closed.signal, (error) => options.log.warn({ error: messageOf(error) }, 'watching control groups'));
  return operations(context, closed);
}

async function openContext(options: CriOptions): Promise<CriContext> {
  const { stateDir, runDir, log, cni } = options;
  const images = await ImageStore.open(options.imagesDir);
  return {
    runDir,
    stateDir,
    groups: options.groups,
    seccompFolder: options.seccompFolder ?? join(dirname(stateDir), 'seccomp'),
    cni,
    registries: {
      insecureRegistries: options.insecureRegistries ?? [],
      mirrors: options.mirrors ?? {},
      ...(options.registryCertsDir === undefined ? {} : { certsDir: options.registryCertsDir }),
    },
    log,
    runtime: new OciRuntime({
      runtime: options.runtime,
      handlers: options.runtimeHandlers ?? {},
      root: runDir,
      groups: options.groups,
      onError: (error) => log.error({ error: messageOf(error) }, 'watching containers'),
    }),
    images,
    network: new BridgePlugin({ name: 'pods', stateDir: `${stateDir}/cni`, ...bridgeOf(cni) }),
    sandboxes: await Records.open<SandboxRecord>(`${stateDir}/sandboxes`, log),
    containers: await Records.open<ContainerRecord>(`${stateDir}/containers`, log),
    events: new EventHub(),
    turns: new Turns(),
    availableCapabilities: availableCapabilities(),
    canMapUsers: usersProbe({ runDir, folders: [images.layersFolder, stateDir] }),
  };
}

const bridgeOf = ({ clusterCIDR: _, ...bridge }: CniOptions) => bridge;

function operations(context: CriContext, closed: AbortController): Cri {
  return {
    runPodSandbox: (config) => runPodSandbox(context, config),
    stopPodSandbox: (id) => stopPodSandbox(context, id),
    removePodSandbox: (id) => removePodSandbox(context, id),
    podSandboxStatus: async (id) => podSandboxStatus(context, id),
    listPodSandbox: async (filter) => listPodSandbox(context, filter),
    updatePodSandboxResources: (id, resources) => updatePodSandboxResources(context, id, resources),
    createContainer: (sandboxId, config) => createContainer(context, sandboxId, config),
    startContainer: (id) => startContainer(context, id),
    stopContainer: (id, timeoutMs, signal) => stopContainer(context, id, timeoutMs, signal),
    removeContainer: (id) => removeContainer(context, id),
    containerStatus: async (id) => containerStatus(context, id),
    listContainers: async (filter) => listContainers(context, filter),
    updateContainerResources: (id, resources) => updateContainerResources(context, id, resources),
    execSync: (id, command, timeoutMs, outputBytesMax) => execSync(context, id, command, timeoutMs, outputBytesMax),
    exec: (id, command, streams) => exec(context, id, command, streams),
    attach: (id, streams) => attach(context, id, streams),
    reopenContainerLog: (id) => reopenContainerLog(context, id),
    openPort: async (sandboxId, port) => openPort(context, sandboxId, port),
    containerStats: (id) => containerStats(context, id),
    listContainerStats: () => listContainerStats(context),
    podSandboxStats: (id) => podSandboxStats(context, id),
    containerDetails: async (id) => containerDetails(context, id),
    pullImage: (ref, auth) => pullImage(context, ref, auth),
    imageStatus: (ref) => imageStatus(context, ref),
    listImages: () => listImages(context),
    removeImage: (ref) => context.images.remove(ref),
    loadImage: (tarPath) => loadImage(context, tarPath),
    imageFsInfo: () => imageFsInfo(context),
    events: (signal) => context.events.subscribe(signal),
    version: async () => ({ runtimeName: 'wherry', runtimeVersion: `${context.runtime.name} ${await context.runtime.version()}` }),
    status: () => runtimeStatus(context),
    inspectPodSandbox: async (id) => inspectPodSandbox(context, id),
    inspectContainer: async (id) => inspectContainer(context, id),
    close: async () => {
      closed.abort();
      context.runtime.close();
      context.network.close();
    },
  };
}
