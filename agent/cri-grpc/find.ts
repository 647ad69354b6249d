// People type the first digits of an id: whatever names exactly one is found.
import { type ContainerStatus, type Cri, CriError, type PodSandboxStatus } from '../cri/index.ts';

export async function sandboxOf(cri: Cri, id: string): Promise<PodSandboxStatus> {
  return only(await cri.listPodSandbox(), id) ?? (await cri.podSandboxStatus(id));
}

export async function containerOf(cri: Cri, id: string): Promise<ContainerStatus> {
  return only(await cri.listContainers(), id) ?? (await cri.containerStatus(id));
}

/** For operations that succeed where there is nothing: the id itself when it names nothing. */
export async function sandboxId(cri: Cri, id: string): Promise<string> {
  return only(await cri.listPodSandbox(), id)?.id ?? id;
}
export async function containerId(cri: Cri, id: string): Promise<string> {
  return only(await cri.listContainers(), id)?.id ?? id;
}

/** @throws CriError when it is ambiguous, or empty */
function only<T extends { id: string }>(items: readonly T[], id: string): T | undefined {
  if (id === '') throw new CriError('InvalidArgument', 'an id must be given');
  const found = items.filter((item) => item.id.startsWith(id));
  if (found.length > 1 && !found.some((item) => item.id === id))
    throw new CriError('InvalidArgument', `id "${id}" is ambiguous: it begins ${found.length} ids`);
  return found.find((item) => item.id === id) ?? found[0];
}
