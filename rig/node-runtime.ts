// A node's container runtime through its CRI socket, for looking at what runs without the API. Loaded only when it is asked for.

import type * as wire from '../agent/cri-grpc/gen/types.ts';
import { Connection, exec } from '../agent/cri-remote/index.ts';
import { LogWriter, readLines } from '../agent/server/index.ts';
import type { RuntimeAddress } from './node-exec.ts';

export type { wire };

export interface NodeSession extends Awaited<ReturnType<typeof exec>> {}

/** Requests of a person who waits before a terminal. */
const TIMEOUT_MS = 20_000;
const STOP_SECONDS = 10;

export class NodeRuntime implements Disposable {
  readonly #connection: Connection;
  readonly #root: string;

  constructor({ socket, netns, root = '' }: RuntimeAddress) {
    this.#connection = new Connection(socket, netns);
    this.#root = root;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #call<Answer>(name: string, request: object, timeoutMs = TIMEOUT_MS): Promise<Answer> {
    return this.#connection.call<Answer>('RuntimeService', name, request, { timeoutMs });
  }

  /** The newest first. */
  async containers(): Promise<wire.Container[]> {
    const { containers = [] } = await this.#call<wire.ListContainersResponse>('ListContainers', {});
    return containers.sort(newestFirst);
  }

  async pods(): Promise<wire.PodSandbox[]> {
    const { items = [] } = await this.#call<wire.ListPodSandboxResponse>('ListPodSandbox', {});
    return items.sort(newestFirst);
  }

  async images(): Promise<wire.Image[]> {
    return (await this.#connection.call<wire.ListImagesResponse>('ImageService', 'ListImages', {}, { timeoutMs: TIMEOUT_MS })).images ?? [];
  }

  async stats(): Promise<wire.ContainerStats[]> {
    return (await this.#call<wire.ListContainerStatsResponse>('ListContainerStats', {})).stats ?? [];
  }

  /** The newest container whose id begins so, or whose name or `pod/name` it is. @throws Error when there is none, or ids leave a choice */
  async container(text: string): Promise<wire.Container> {
    const all = await this.containers();
    const byId = all.filter(({ id = '' }) => text !== '' && id.startsWith(text));
    if (byId.length > 1 && byId.every(({ id }) => id !== text))
      throw new Error(`${text}: ${byId.length} containers have ids that begin so`);
    const found = byId.find(({ id }) => id === text) ?? byId[0] ?? all.find((c) => namesOf(c).includes(text));
    if (!found) throw new Error(`${text}: no such container`);
    return found;
  }

  /** @throws Error when there is no such pod */
  async pod(text: string): Promise<wire.PodSandbox> {
    const found = (await this.pods()).find(({ id = '', metadata }) => (text !== '' && id.startsWith(text)) || metadata?.name === text);
    if (!found) throw new Error(`${text}: no such container or pod`);
    return found;
  }

  containerStatus(id: string): Promise<wire.ContainerStatusResponse> {
    return this.#call('ContainerStatus', { containerId: id, verbose: true });
  }
  podStatus(id: string): Promise<wire.PodSandboxStatusResponse> {
    return this.#call('PodSandboxStatus', { podSandboxId: id, verbose: true });
  }

  /** Stops the container when it runs, and removes it. The agent makes it anew when its pod still wants it. */
  async removeContainer(id: string): Promise<void> {
    await this.#call('StopContainer', { containerId: id, timeout: STOP_SECONDS }, STOP_SECONDS * 1000 + TIMEOUT_MS);
    await this.#call('RemoveContainer', { containerId: id });
  }

  async removePod(id: string): Promise<void> {
    await this.#call('StopPodSandbox', { podSandboxId: id }, STOP_SECONDS * 1000 + TIMEOUT_MS);
    await this.#call('RemovePodSandbox', { podSandboxId: id });
  }

  exec(
    id: string,
    command: readonly string[],
    options: { stdin: boolean; tty: boolean; width?: number; height?: number },
  ): Promise<NodeSession> {
    return exec(this.#connection, id, command, options);
  }

  /** What the container wrote, as it wrote it, by stream; with `follow` until it ends or the signal aborts. */
  async *logs(
    id: string,
    options: { follow: boolean; timestamps: boolean; tailLines?: number; signal: AbortSignal },
  ): AsyncGenerator<{ stream: 'stdout' | 'stderr'; text: Buffer }> {
    const { status } = await this.containerStatus(id);
    if (!status?.logPath) throw new Error(`${id.slice(0, 12)}: the container has no log file`);
    const { signal, tailLines, follow, timestamps } = options;
    const isLive = async () => (await this.containerStatus(id).catch(() => undefined))?.status?.state === 'CONTAINER_RUNNING';
    const lines = readLines(`${this.#root}${status.logPath}`, {
      signal,
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(follow ? { isLive } : {}),
    });
    const writers = (['stdout', 'stderr'] as const).map((stream) => ({ stream, writer: new LogWriter({ timestamps, stream }) }));
    for await (const line of lines) {
      for (const { stream, writer } of writers) {
        const text = writer.write(line);
        if (text.length > 0) yield { stream, text };
      }
    }
  }
}

/** As kubelet labels them. */
export const podOf = ({ labels = {} }: { labels?: Record<string, string> }): { name: string; namespace: string } => ({
  name: labels['io.kubernetes.pod.name'] ?? '',
  namespace: labels['io.kubernetes.pod.namespace'] ?? '',
});

function namesOf(container: wire.Container): string[] {
  const name = container.metadata?.name ?? '';
  const { name: pod, namespace } = podOf(container);
  return [name, `${pod}/${name}`, `${namespace}/${pod}/${name}`];
}

const newestFirst = (a: { createdAt?: wire.Int64 }, b: { createdAt?: wire.Int64 }): number =>
  Number(b.createdAt ?? 0) - Number(a.createdAt ?? 0);
