// People type the first digits of an id: whatever names exactly one is found.
import { type ContainerStatus, type Cri, CriError, type PodSandboxStatus } from '../cri/index.ts';

export async function sandboxOf(cri: Cri, id: string): Promise<PodSandboxStatus> {
  return (await findSandbox(cri, id)) ?? (await cri.podSandboxStatus(id));
}

export async function containerOf(cri: Cri, id: string): Promise<ContainerStatus> {
  return (await findContainer(cri, id)) ?? (await cri.containerStatus(id));
}

/** For operations that succeed where there is nothing: the id itself when it names nothing. */
export async function sandboxId(cri: Cri, id: string): Promise<string> {
  return (await findSandbox(cri, id))?.id ?? id;
}
export async function containerId(cri: Cri, id: string): Promise<string> {
  return (await findContainer(cri, id))?.id ?? id;
}

const findSandbox = (cri: Cri, id: string): Promise<PodSandboxStatus | undefined> => find((filter) => cri.listPodSandbox(filter), id);
const findContainer = (cri: Cri, id: string): Promise<ContainerStatus | undefined> => find((filter) => cri.listContainers(filter), id);

/** Programs give whole ids: only for a part of one are all looked at. */
async function find<T extends { id: string }>(list: (filter: { id?: string }) => Promise<T[]>, id: string): Promise<T | undefined> {
  const [whole] = id === '' ? [] : await list({ id });
  return whole?.id === id ? whole : only(await list({}), id);
}

/** @throws CriError when it is ambiguous, or empty */
function only<T extends { id: string }>(items: readonly T[], id: string): T | undefined {
  if (id === '') throw new CriError('InvalidArgument', 'an id must be given');
  const found = items.filter((item) => item.id.startsWith(id));
  if (found.length > 1) throw new CriError('InvalidArgument', `id "${id}" is ambiguous: it begins ${found.length} ids`);
  return found[0];
}
