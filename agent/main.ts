// The node agent: a list of services. Stopping it leaves all containers, routes and rules as they are.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createEventRecorder, createInformerFactory, RESOURCES } from '../kit/client/index.ts';
import { homeFirst, openPodCgroups } from '../kit/linux/index.ts';
import { type Logger, runServices, systemClock } from '../kit/run/index.ts';
import { nodeIdentity } from './certificates/index.ts';
import { type AgentConfig, loadConfig } from './config.ts';
import { criServer } from './cri-grpc/index.ts';
import { Devices, devicePluginType, deviceRegistration, podResourcesService } from './devices/index.ts';
import { startDns } from './dns/index.ts';
import { evictionManager, keptFree } from './eviction/index.ts';
import { collectedImages, imageCollection } from './image-collection.ts';
import { imageAccess, imageCredentials, imagePolicy } from './image-settings.ts';
import { kubeletConfiguration } from './kubelet-configuration.ts';
import { containerLogLinks, logRotation } from './logs/index.ts';
import {
  allocatableOf,
  heartbeat,
  KUBELET_VERSION,
  type NodeFacts,
  nodeEvents,
  podRoutes,
  readCapacity,
  registerNode,
  registration,
  runtimeFacts,
  systemInfo,
} from './node/index.ts';
import { nodeImages } from './node-images.ts';
import { openCri } from './open-cri.ts';
import { createPods } from './pods/index.ts';
import { runProgram } from './program.ts';
import { startProxy } from './proxy/index.ts';
import { parseRuntime } from './runtime-choice.ts';
import { RuntimeHealth } from './runtime-health.ts';
import { countedCri, createAgentServer, ProbeMetrics, RuntimeMetrics } from './server/index.ts';
import { gracesOf, NodeShutdown, shutdownService } from './shutdown/index.ts';
import { memoryCapacity } from './stats/index.ts';
import { Drivers, LocalPaths } from './volumes/index.ts';

/** An agent outlives its API server: it waits, and its containers go on. */
const AS_LONG_AS_IT_TAKES_MS = 2 ** 31 - 1;

/** Runs until `signal` aborts. @throws Error naming the service that failed */
async function runAgent(config: AgentConfig, signal: AbortSignal, log: Logger): Promise<void> {
  const clock = systemClock;
  const podsDir = join(config.stateDir, 'pods');
  await Promise.all([homeFirst(), mkdir(podsDir, { recursive: true })]);
  const groups = await openPodCgroups(config.cgroupDriver, config.cgroupParent);
  const cgroup = groups.group('');
  const [identity, capacity] = await Promise.all([
    nodeIdentity({ ...config, folder: join(config.stateDir, 'pki'), userAgent: `wherry-agent/${KUBELET_VERSION}`, clock, log }, signal),
    readCapacity(config.stateDir, memoryCapacity(cgroup), config.maxPods),
  ]);
  const { client } = identity;
  // What eviction keeps free is not for pods either.
  const kept = keptFree(config.eviction, { memory: capacity.memoryBytes, 'ephemeral-storage': capacity.diskBytes });
  const allocatable = allocatableOf(capacity.resources, config.reserved, kept);
  const facts: NodeFacts = {
    name: config.nodeName,
    ip: config.nodeIP,
    port: config.port,
    labels: config.labels,
    capacity: capacity.resources,
    allocatable,
    info: systemInfo(`wherry://${KUBELET_VERSION.slice(1)}`),
  };
  const recorder = createEventRecorder({ client, component: 'kubelet', host: config.nodeName, log });
  const tell = nodeEvents(recorder, config.nodeName);
  const registered = await registration(join(config.stateDir, 'node.json'), clock, (isFirst) =>
    registerNode(facts, isFirst, { client, clock, log, signal, tell }),
  );
  const { uid, podCIDR } = registered.known;
  const runtimeMetrics = new RuntimeMetrics();
  const probes = new ProbeMetrics();
  const cri = countedCri(await openCri(config, podCIDR, groups, log), runtimeMetrics);
  const [status, credentials, access] = await Promise.all([
    cri.status(),
    imageCredentials(config, clock, log),
    imageAccess(config, () => cri.listImages()),
  ]);
  facts.runtime = runtimeFacts(status);
  if (parseRuntime(config.runtime).kind !== 'oci') {
    const { runtimeName, runtimeVersion } = await cri.version();
    facts.info.containerRuntimeVersion = `${runtimeName}://${runtimeVersion}`;
  }
  const informers = createInformerFactory(client, {
    signal,
    syncTimeoutMs: AS_LONG_AS_IT_TAKES_MS,
    onError: (error) => log.debug({ err: error }, 'watch failed'),
  });
  const { clusterDNS, clusterDomain, clusterCIDR, serviceCIDR, logDir, nodeIP, nodeName } = config;
  const cluster = { clusterDNS, clusterDomain };
  const localPaths = new LocalPaths({ client, nodeName, folder: join(config.stateDir, 'local-path'), clock, log });
  const devices = new Devices({ file: join(config.stateDir, 'devices.json'), activePods: () => pods.deviceHolders(), clock, log });
  await devices.recover();
  const others = { DevicePlugin: devicePluginType(devices) };
  const drivers = new Drivers({ client, nodeName, folder: join(config.stateDir, 'plugins_registry'), others, clock, log });
  const pods = createPods({
    client,
    informers,
    cri,
    clock,
    log,
    recorder,
    nodeName,
    hostIP: nodeIP,
    podsDir,
    localPaths,
    drivers,
    devices,
    stagingDir: join(config.stateDir, 'plugins/kubernetes.io/csi'),
    logDir,
    cluster,
    allocatable,
    memoryCapacity: capacity.memoryBytes,
    podPidsLimit: config.podPidsLimit,
    supplementalGroupsPolicy: status.features.supplementalGroupsPolicy,
    imageCredentials: credentials,
    imageAccess: access,
    groups,
    ...(config.staticPodPath === undefined ? {} : { staticPodPath: config.staticPodPath }),
    refusal: (pod) => shutdown.refusal() ?? eviction.refusal(pod),
    onProbe: ({ metadata: { namespace = '', name = '', uid = '' } }, container, kind, ok) =>
      probes.observe({ namespace, pod: name, podUid: uid, container }, kind, ok),
  });
  const criSocketService = (socket: string) =>
    criServer({ socket, streamingAddress: '127.0.0.1', imagesFolder: config.imagesDir, cri, clock, log });
  const unusedImages = imageCollection({
    images: await collectedImages(config.runtime, config.imagesDir, cri),
    policy: imagePolicy(config),
    access,
    clock,
    log,
    onFailure: (reason, message) => tell('Warning', reason, message),
  });
  const eviction = evictionManager({
    settings: config.eviction,
    sources: { cri, pods: () => pods.list(), podsDir, drivenVolumes: (uid) => pods.drivenVolumes(uid) },
    cgroup,
    imagesDir: config.imagesDir,
    nodeName,
    clock,
    log,
    recorder,
    evict: ({ metadata: { uid = '' } }, message, graceSeconds) => pods.evict(uid, { reason: 'Evicted', message, graceSeconds }),
    changed: () => beat.hurry(),
    reclaimDisk: () => unusedImages.reclaim(),
  });
  const graces = gracesOf(config);
  const shutdown = new NodeShutdown({
    graces,
    pods: () => pods.list(),
    running: async () => new Set((await cri.listContainers({ state: 'running' })).map(({ podUid }) => podUid)),
    end: pods.end,
    changed: () => beat.hurry(),
    tell: (reason, message) => tell('Normal', reason, message),
    clock,
    log,
  });
  const runtimeHealth = cri.health && new RuntimeHealth({ health: cri.health, clock, log, changed: () => beat.hurry() });
  const beat = heartbeat({
    client,
    nodes: informers.of(RESOURCES.nodes),
    clock,
    log,
    facts,
    nodeUid: uid,
    images: () => nodeImages(cri),
    pressures: () => eviction.pressures,
    notReady: () => [...(runtimeHealth?.notReady ?? []), ...shutdown.notReady],
    resources: () => devices.nodeResources(),
    tell,
  });
  devices.onChange(() => beat.hurry());
  const services = [
    createAgentServer({
      ...config,
      cgroup,
      cri,
      pods,
      podsDir,
      client,
      certificate: identity.serving,
      clock,
      log,
      probes,
      version: KUBELET_VERSION,
      families: [...runtimeMetrics.families, ...eviction.families, ...pods.families, ...shutdown.families, ...identity.families],
      kubeletConfiguration: kubeletConfiguration(config),
    }),
    ...(config.criSocket ? [criSocketService(config.criSocket)] : []),
    containerLogLinks({ cri, clock, log, folder: config.containerLogDir }),
    deviceRegistration({ devices, folder: join(config.stateDir, 'device-plugins'), log }),
    podResourcesService({ devices, pods: () => pods.list(), socket: join(config.stateDir, 'pod-resources/kubelet.sock'), log }),
    pods.service,
    registered.service,
    identity.service,
    localPaths.service,
    drivers.service,
    pods.fromApi,
    logRotation({ cri, clock, log, bytesMax: config.containerLogMaxBytes, filesMax: config.containerLogMaxFiles }),
    unusedImages.service,
    ...(runtimeHealth ? [runtimeHealth.service] : []),
    eviction.service,
    podRoutes({ informers, nodeName, clock, log }),
    startProxy({ informers, nodeName, nodeIP, clusterCIDR, serviceCIDR, log }),
    startDns({ informers, nodeIP, clusterDNS, clusterDomain, log }),
    // Last: who sees the node Ready may count on Services and names.
    beat.service,
    shutdownService(shutdown, graces, log),
  ];
  try {
    await runServices(services, signal, () => log.info({ node: nodeName, podCIDR }, 'agent ready'));
  } finally {
    await cri.close();
    await client.close();
  }
}

await runProgram('agent', 'agent CONFIG.json', async (file, signal, log) => runAgent(await loadConfig(file), signal, log));
