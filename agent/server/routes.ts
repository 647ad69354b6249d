// The paths of the agent's API, one line each.
import type { ServerResponse } from 'node:http';
import { cgroups } from '../../kit/linux/index.ts';
import type { Family } from '../../kit/metrics/index.ts';
import type { Clock } from '../../kit/run/index.ts';
import type { ContainerDetails, Cri } from '../cri/index.ts';
import { busyNanos, memoryCapacity, memoryUsage, type PodUsage, podUsages, SummaryMaker, swapUsage } from '../stats/index.ts';
import { containerLogs } from './container-logs.ts';
import { hasContainer, type PodSource, runningContainer } from './find-container.ts';
import { HttpError, NoSuchPath } from './http-error.ts';
import { agentMetrics, CONTENT_TYPE, cadvisorMetrics, type ProbeMetrics, resourceMetrics, sliMetrics } from './metrics/index.ts';
import { nodeLogs } from './node-logs.ts';
import { wantedStreams } from './remote-command.ts';
import { runCommand } from './run-command.ts';

export interface RouteOptions {
  nodeName: string;
  version: string;
  cri: Cri;
  pods: PodSource;
  podsDir: string;
  /** Of the pods' logs. */
  logDir: string;
  /** That the node's pods live below. */
  cgroup: string;
  clock: Clock;
  probes: ProbeMetrics;
  /** Metrics of other parts of the agent. */
  families: readonly Family[];
  /** What /configz shows. */
  kubeletConfiguration: object;
}

interface Request {
  method: string;
  /** Behind the path's first part. */
  rest: string[];
  query: URLSearchParams;
}

type Handler = (request: Request, response: ServerResponse) => Promise<void> | void;

/** Folder that /logs/ shows. */
const NODE_LOGS = '/var/log';

/** Paths that are read only; the others say themselves what they take, or take anything, as upstream's. */
const ONLY_READ: ReadonlySet<string> = new Set(['pods', 'runningpods', 'containerLogs', 'stats', 'logs']);

/** By the first part of the path. @throws HttpError 405 (the handlers) for a method that a path does not know */
export function routes(options: RouteOptions): ReadonlyMap<string, Handler> {
  const readOnly =
    (handler: Handler): Handler =>
    (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, '405: Method Not Allowed');
      return handler(request, response);
    };
  return new Map([...handlers(options)].map(([path, handler]) => [path, ONLY_READ.has(path) ? readOnly(handler) : handler]));
}

function handlers(options: RouteOptions): Map<string, Handler> {
  const { cri, clock, pods, nodeName, cgroup, podsDir, logDir } = options;
  const sources = { cri, pods: () => pods.list(), podsDir, drivenVolumes: pods.drivenVolumes };
  const usages = () => podUsages(sources);
  const summary = new SummaryMaker({ ...sources, nodeName, cgroup, clock });
  const startedMs = clock.nowMs() - performance.now();
  const slis = sliMetrics();
  const metrics: Record<string, () => Promise<string> | string> = {
    '': async () => {
      const [records, sandboxes, measured] = await Promise.all([cri.listContainers(), cri.listPodSandbox({ state: 'ready' }), usages()]);
      const cgroupVersion = cgroups().layout === 'v2' ? 2 : 1;
      const { version, families } = options;
      return agentMetrics({
        nodeName,
        version,
        startedMs,
        cgroupVersion,
        pods: pods.list(),
        records,
        readySandboxes: sandboxes.length,
        usages: measured,
        families,
      });
    },
    async cadvisor() {
      const measured = await usages();
      return cadvisorMetrics(measured, await detailsOf(cri, measured), {
        memoryBytes: memoryCapacity(cgroup),
        swapBytes: swapUsage().totalBytes,
      });
    },
    resource: async () => {
      const { workingSetBytes } = memoryUsage(cgroup);
      return resourceMetrics(
        { cpuNanos: busyNanos(), atMs: clock.nowMs(), workingSetBytes, swapBytes: swapUsage().usedBytes },
        await usages(),
      );
    },
    probes: () => options.probes.text(new Set(pods.list().map(({ metadata }) => metadata.uid ?? ''))),
    slis: () => slis(),
  };
  return new Map<string, Handler>([
    ['healthz', (_, response) => text(response, 'ok')],
    ['pods', (_, response) => json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.list() })],
    [
      'debug',
      ({ rest }, response) => {
        if (rest.join('/') !== 'starts') throw new NoSuchPath();
        json(response, { starts: pods.starts() });
      },
    ],
    ['runningpods', async (_, response) => json(response, await runningPods(cri))],
    [
      'containerLogs',
      async ({ rest, query }, response) => {
        if (rest.length !== 3) throw new NoSuchPath();
        const [namespace = '', pod = '', container = ''] = rest;
        await containerLogs(cri, clock, pods, { namespace, pod, container, query }, response);
      },
    ],
    [
      'stats',
      async ({ rest, query }, response) => {
        if (rest.join('/') !== 'summary') throw new NoSuchPath();
        json(response, await summary.make(query.get('only_cpu_and_memory') === 'true'));
      },
    ],
    [
      'metrics',
      async ({ rest }, response) => {
        const make = Object.hasOwn(metrics, rest.join('/')) ? metrics[rest.join('/')] : undefined;
        if (!make) throw new NoSuchPath();
        const body = await make();
        response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(body);
      },
    ],
    ['logs', ({ rest }, response) => nodeLogs([NODE_LOGS, logDir], rest.join('/'), response)],
    ['configz', (_, response) => json(response, { kubeletconfig: options.kubeletConfiguration })],
    [
      'run',
      async ({ method, rest, query }, response) => {
        if (rest.length !== 3 && rest.length !== 4) throw new NoSuchPath();
        if (method !== 'POST') throw new HttpError(405, '405: Method Not Allowed');
        const output = await runCommand(cri, pods, rest, query.get('cmd') ?? '');
        response.writeHead(200, { 'content-type': 'application/json' }).end(output);
      },
    ],
    ['checkpoint', (request) => refuseCheckpoint(pods, request)],
    ...['exec', 'attach', 'portForward'].map((verb): [string, Handler] => [verb, (request) => refusePlain(cri, pods, verb, request)]),
  ]);
}

async function runningPods(cri: Cri): Promise<object> {
  const [sandboxes, records] = await Promise.all([cri.listPodSandbox({ state: 'ready' }), cri.listContainers({ state: 'running' })]);
  const items = sandboxes.map(({ id, metadata: { name, namespace, uid } }) => ({
    metadata: { name, namespace, uid },
    spec: {
      containers: records
        .filter(({ sandboxId }) => sandboxId === id)
        .map(({ metadata, image }) => ({ name: metadata.name, image, resources: {} })),
    },
    status: {},
  }));
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

/** No runtime of this agent can freeze a container into a file: said of containers that are there only. */
function refuseCheckpoint(pods: PodSource, { method, rest, query }: Request): never {
  if (rest.length !== 3) throw new NoSuchPath();
  if (method !== 'POST') throw new HttpError(405, '405: Method Not Allowed');
  const [namespace = '', name = '', container = ''] = rest;
  const pod = pods.get(namespace, name);
  if (!pod) throw new HttpError(404, 'pod does not exist');
  if (!hasContainer(pod, container)) throw new HttpError(404, `container ${container} does not exist`);
  if (!/^[+-]?\d+$/.test(query.getAll('timeout').at(-1) ?? '0')) throw new HttpError(404, 'cannot parse value of timeout parameter');
  throw new HttpError(500, `checkpointing of ${rest.join('/')} failed (the container runtime cannot checkpoint containers)`);
}

/** Of paths that begin with an upgrade of the connection, without one: what else is wrong is said first, as upstream. */
async function refusePlain(cri: Cri, pods: PodSource, verb: string, { method, rest, query }: Request): Promise<never> {
  const [namespace = '', pod = ''] = rest;
  const least = verb === 'portForward' ? 2 : 3;
  if (rest.length < least || rest.length > least + 1) throw new NoSuchPath();
  if (method !== 'GET' && method !== 'POST') throw new HttpError(405, '405: Method Not Allowed');
  if (verb !== 'portForward') wantedStreams(query);
  if (!pods.get(namespace, pod)) throw new HttpError(404, 'pod does not exist');
  if (verb !== 'portForward') await runningContainer(cri, pods, namespace, pod, rest.at(-1) ?? '');
  throw new HttpError(500, 'Upgrade request required');
}

const text = (response: ServerResponse, body: string): void =>
  void response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(body);

const json = (response: ServerResponse, body: object): void =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** By container; one that goes meanwhile has none. */
async function detailsOf(cri: Cri, pods: readonly PodUsage[]): Promise<ReadonlyMap<string, ContainerDetails>> {
  const found = pods
    .flatMap(({ containers }) => containers)
    .map(async ({ record: { id } }) => [id, await cri.containerDetails?.(id).catch(() => undefined)] as const);
  return new Map((await Promise.all(found)).flatMap(([id, details]) => (details ? [[id, details]] : [])));
}
