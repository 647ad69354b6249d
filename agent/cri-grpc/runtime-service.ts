// RuntimeService: one line a call.
import { status } from '@grpc/grpc-js';
import { type ContainerFilter, type ContainerStatus, type Cri, CriError, type PodSandboxStatus, type SandboxFilter } from '../cri/index.ts';
import { RpcError } from './errors.ts';
import { containerId, containerOf, sandboxId, sandboxOf } from './find.ts';
import { containerConfig, podSandboxConfig } from './from-wire.ts';
import type * as wire from './gen/types.ts';
import { pieces, type Streaming, type Unary } from './handlers.ts';
import { DESCRIPTORS, podSandboxMetrics } from './metrics.ts';
import type { StreamingServer } from './streaming.ts';
import * as to from './to-wire.ts';
import { CONTAINER_STATE, fromResources } from './words.ts';

export interface RuntimeServiceOptions {
  cri: Cri;
  streaming: StreamingServer;
  imagesFolder: string;
  /** Aborts when the server stops. */
  signal: AbortSignal;
}

export interface ServiceHandlers {
  unary: Record<string, Unary>;
  streaming: Record<string, Streaming>;
}

export function runtimeService({ cri, streaming, imagesFolder, signal }: RuntimeServiceOptions): ServiceHandlers {
  const statsOf = async (sandbox: PodSandboxStatus) => to.podSandboxStats(sandbox, await cri.podSandboxStats(sandbox.id), imagesFolder);
  const sandboxStats = async ({ filter }: wire.ListPodSandboxStatsRequest): Promise<wire.PodSandboxStats[]> => {
    const wanted = await cri.listPodSandbox({ state: 'ready', ...idAndLabels(filter) });
    return await Promise.all(wanted.filter(beginsWith(filter?.id)).map(statsOf));
  };
  const containerStats = async ({ filter }: wire.ListContainerStatsRequest): Promise<wire.ContainerStats[]> =>
    (await cri.listContainerStats())
      .filter(beginsWith(filter?.id))
      .filter(({ sandboxId, labels }) => sandboxId.startsWith(filter?.podSandboxId ?? '') && hasLabels(labels, filter?.labelSelector))
      .map((stats) => to.containerStats(stats, imagesFolder));
  const metrics = async () => await Promise.all((await cri.listPodSandbox({ state: 'ready' })).map((pod) => podSandboxMetrics(cri, pod)));

  return {
    unary: {
      async Version(): Promise<wire.VersionResponse> {
        const { runtimeName, runtimeVersion } = await cri.version();
        return { version: '0.1.0', runtimeName, runtimeVersion, runtimeApiVersion: 'v1' };
      },
      Status: async ({ verbose }: wire.StatusRequest) => await statusOf(cri, verbose === true),
      RuntimeConfig: async (): Promise<wire.RuntimeConfigResponse> => {
        const { cgroupDriver } = await cri.status();
        return { linux: { cgroupDriver: cgroupDriver === 'systemd' ? 'SYSTEMD' : 'CGROUPFS' } };
      },
      // The pods' range is this service's own setting; other runtimes ignore the call too where their network is configured.
      UpdateRuntimeConfig: async () => ({}),

      async RunPodSandbox({ config, runtimeHandler = '' }: wire.RunPodSandboxRequest): Promise<wire.RunPodSandboxResponse> {
        if (!config?.metadata) throw new CriError('InvalidArgument', 'sandbox config must include metadata');
        return { podSandboxId: await cri.runPodSandbox(podSandboxConfig(config, runtimeHandler)) };
      },
      async StopPodSandbox({ podSandboxId = '' }: wire.StopPodSandboxRequest) {
        await cri.stopPodSandbox(await sandboxId(cri, podSandboxId));
        return {};
      },
      async RemovePodSandbox({ podSandboxId = '' }: wire.RemovePodSandboxRequest) {
        await cri.removePodSandbox(await sandboxId(cri, podSandboxId));
        return {};
      },
      async PodSandboxStatus({ podSandboxId = '', verbose }: wire.PodSandboxStatusRequest): Promise<wire.PodSandboxStatusResponse> {
        const sandbox = await sandboxOf(cri, podSandboxId);
        const containers = await cri.listContainers({ sandboxId: sandbox.id });
        return {
          status: to.podSandboxStatus(sandbox),
          containersStatuses: containers.map(to.containerStatus),
          timestamp: to.nanos(performance.timeOrigin + performance.now()),
          info: verbose ? { info: JSON.stringify(await cri.inspectPodSandbox(sandbox.id)) } : {},
        };
      },
      ListPodSandbox: async ({ filter }: wire.ListPodSandboxRequest) => ({ items: (await sandboxes(cri, filter)).map(to.podSandbox) }),
      async UpdatePodSandboxResources({ podSandboxId = '', resources }: wire.UpdatePodSandboxResourcesRequest) {
        const { id } = await sandboxOf(cri, podSandboxId);
        if (resources) await cri.updatePodSandboxResources(id, fromResources(resources));
        return {};
      },

      async CreateContainer({ podSandboxId = '', config }: wire.CreateContainerRequest): Promise<wire.CreateContainerResponse> {
        if (!config?.metadata) throw new CriError('InvalidArgument', 'container config must include metadata');
        const { id } = await sandboxOf(cri, podSandboxId);
        return { containerId: await cri.createContainer(id, containerConfig(config)) };
      },
      async StartContainer({ containerId: id = '' }: wire.StartContainerRequest) {
        await cri.startContainer((await containerOf(cri, id)).id);
        return {};
      },
      async StopContainer({ containerId: id = '', timeout = 0 }: wire.StopContainerRequest) {
        await cri.stopContainer(await containerId(cri, id), Number(timeout) * 1000);
        return {};
      },
      async RemoveContainer({ containerId: id = '' }: wire.RemoveContainerRequest) {
        await cri.removeContainer(await containerId(cri, id));
        return {};
      },
      ListContainers: async ({ filter }: wire.ListContainersRequest) => ({ containers: (await containers(cri, filter)).map(to.container) }),
      async ContainerStatus({ containerId: id = '', verbose }: wire.ContainerStatusRequest): Promise<wire.ContainerStatusResponse> {
        const status = await containerOf(cri, id);
        return { status: to.containerStatus(status), info: verbose ? { info: JSON.stringify(await cri.inspectContainer(status.id)) } : {} };
      },
      async UpdateContainerResources({ containerId: id = '', linux }: wire.UpdateContainerResourcesRequest) {
        await cri.updateContainerResources((await containerOf(cri, id)).id, fromResources(linux ?? {}));
        return {};
      },
      async ReopenContainerLog({ containerId: id = '' }: wire.ReopenContainerLogRequest) {
        const status = await containerOf(cri, id);
        if (status.state !== 'running') throw new CriError('Unknown', `container is not running: ${status.id}`);
        await cri.reopenContainerLog(status.id);
        return {};
      },
      CheckpointContainer: async () => {
        throw new RpcError(status.UNIMPLEMENTED, 'wherry does not checkpoint containers');
      },

      async ExecSync({ containerId: id = '', cmd = [], timeout = 0 }: wire.ExecSyncRequest): Promise<wire.ExecSyncResponse> {
        return await cri.execSync((await containerOf(cri, id)).id, cmd, Number(timeout) * 1000);
      },
      Exec: async (request: wire.ExecRequest): Promise<wire.ExecResponse> => {
        const container = mustRun(await containerOf(cri, request.containerId ?? ''));
        return { url: streaming.exec(container, request.cmd ?? [], streamsOf(request)) };
      },
      Attach: async (request: wire.AttachRequest): Promise<wire.AttachResponse> => {
        const container = mustRun(await containerOf(cri, request.containerId ?? ''));
        return { url: streaming.attach(container, streamsOf(request)) };
      },
      async PortForward({ podSandboxId = '', port = [] }: wire.PortForwardRequest): Promise<wire.PortForwardResponse> {
        const sandbox = await sandboxOf(cri, podSandboxId);
        if (sandbox.state !== 'ready') throw new CriError('Unknown', `sandbox container "${sandbox.id}" is not running`);
        return { url: streaming.portForward(sandbox, port) };
      },

      async ContainerStats({ containerId: id = '' }: wire.ContainerStatsRequest): Promise<wire.ContainerStatsResponse> {
        return { stats: to.containerStats(await cri.containerStats((await containerOf(cri, id)).id), imagesFolder) };
      },
      ListContainerStats: async (request: wire.ListContainerStatsRequest) => ({ stats: await containerStats(request) }),
      PodSandboxStats: async ({ podSandboxId = '' }: wire.PodSandboxStatsRequest) => ({
        stats: await statsOf(await sandboxOf(cri, podSandboxId)),
      }),
      ListPodSandboxStats: async (request: wire.ListPodSandboxStatsRequest) => ({ stats: await sandboxStats(request) }),
      ListMetricDescriptors: async (): Promise<wire.ListMetricDescriptorsResponse> => ({ descriptors: DESCRIPTORS }),
      ListPodSandboxMetrics: async (): Promise<wire.ListPodSandboxMetricsResponse> => ({ podMetrics: await metrics() }),
    },
    streaming: {
      async *StreamPodSandboxes({ filter }: wire.StreamPodSandboxesRequest) {
        for (const items of pieces(await sandboxes(cri, filter))) yield { podSandboxes: items.map(to.podSandbox) };
      },
      async *StreamContainers({ filter }: wire.StreamContainersRequest) {
        for (const items of pieces(await containers(cri, filter))) yield { containers: items.map(to.container) };
      },
      async *StreamContainerStats(request: wire.StreamContainerStatsRequest) {
        for (const items of pieces(await containerStats(request))) yield { containerStats: items };
      },
      async *StreamPodSandboxStats(request: wire.StreamPodSandboxStatsRequest) {
        for (const items of pieces(await sandboxStats(request))) yield { podSandboxStats: items };
      },
      async *StreamPodSandboxMetrics() {
        for (const items of pieces(await metrics())) yield { podSandboxMetrics: items };
      },
      GetContainerEvents: (_request: wire.GetEventsRequest, gone) => containerEvents(cri, AbortSignal.any([gone, signal])),
    },
  };
}

async function* containerEvents(cri: Cri, signal: AbortSignal): AsyncGenerator<wire.ContainerEventResponse> {
  for await (const { type, containerId, sandboxId } of cri.events(signal)) {
    const [sandbox] = await cri.listPodSandbox({ id: sandboxId });
    const statuses = await cri.listContainers({ sandboxId });
    yield {
      containerId,
      containerEventType: to.EVENT[type],
      createdAt: to.nanos(performance.timeOrigin + performance.now()),
      ...(sandbox ? { podSandboxStatus: to.podSandboxStatus(sandbox) } : {}),
      containersStatuses: statuses.map(to.containerStatus),
    };
  }
}

async function statusOf(cri: Cri, verbose: boolean): Promise<wire.StatusResponse> {
  const { handlers, features, info } = await cri.status();
  return {
    status: {
      conditions: [
        { type: 'RuntimeReady', status: true },
        { type: 'NetworkReady', status: true },
      ],
    },
    runtimeHandlers: handlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
      name,
      features: { recursiveReadOnlyMounts, userNamespaces },
    })),
    features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy },
    info: verbose ? { config: JSON.stringify(info) } : {},
  };
}

const sandboxes = async (cri: Cri, filter: wire.PodSandboxFilter | null | undefined): Promise<PodSandboxStatus[]> => {
  const state: SandboxFilter = filter?.state ? { state: filter.state.state === 'SANDBOX_NOTREADY' ? 'notready' : 'ready' } : {};
  return (await cri.listPodSandbox({ ...idAndLabels(filter), ...state })).filter(beginsWith(filter?.id));
};

const STATES = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
} as const;

async function containers(cri: Cri, filter: wire.ContainerFilter | null | undefined): Promise<ContainerStatus[]> {
  const state: ContainerFilter = filter?.state ? { state: STATES[filter.state.state ?? 'CONTAINER_CREATED'] } : {};
  const found = await cri.listContainers({ ...idAndLabels(filter), ...state });
  return found.filter(beginsWith(filter?.id)).filter(({ sandboxId }) => sandboxId.startsWith(filter?.podSandboxId ?? ''));
}

const idAndLabels = (filter: { labelSelector?: Record<string, string> } | null | undefined) =>
  filter?.labelSelector && Object.keys(filter.labelSelector).length > 0 ? { labels: filter.labelSelector } : {};

const beginsWith =
  (prefix: string | undefined) =>
  ({ id }: { id: string }): boolean =>
    id.startsWith(prefix ?? '');

const hasLabels = (labels: Record<string, string>, wanted: Record<string, string> | undefined): boolean =>
  Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value);

function mustRun(container: ContainerStatus): ContainerStatus {
  if (container.state !== 'running') throw new CriError('FailedPrecondition', `container is in state ${CONTAINER_STATE[container.state]}`);
  return container;
}

function streamsOf({ stdin = false, stdout = false, stderr = false, tty = false }: wire.ExecRequest | wire.AttachRequest) {
  if (!stdin && !stdout && !stderr) throw new CriError('InvalidArgument', 'one of stdin, stdout, or stderr must be set');
  if (tty && stderr) throw new CriError('InvalidArgument', 'tty and stderr cannot both be set');
  return { stdin, stdout, stderr, tty };
}
