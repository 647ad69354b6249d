// What a foreign runtime does not tell again but the agent must know after a restart is kept in annotations of its objects: so all state
// is the runtime's, and nothing is lost with the agent.
import type { ContainerConfig, LinuxResources, PodSandboxConfig } from '../cri/index.ts';

const SANDBOX = 'wherry.dev/sandbox';
const CONTAINER = 'wherry.dev/container';

export type SandboxNote = Omit<PodSandboxConfig, 'labels' | 'annotations'>;

export interface ContainerNote {
  sandboxId: string;
  podUid: string;
  /** As the pod named it. */
  image: string;
  tty: boolean;
  stdin: boolean;
  stopSignal: string;
  resources: LinuxResources;
}

type Annotations = Record<string, string>;

export function withSandboxNote({ labels: _, annotations = {}, ...note }: PodSandboxConfig): Annotations {
  return { ...annotations, [SANDBOX]: JSON.stringify(note) };
}

export function withContainerNote(sandboxId: string, podUid: string, { annotations = {}, ...config }: ContainerConfig): Annotations {
  const note: ContainerNote = {
    sandboxId,
    podUid,
    image: config.image,
    tty: config.tty === true,
    stdin: config.stdin === true,
    stopSignal: config.stopSignal ?? '',
    resources: config.linux?.resources ?? {},
  };
  return { ...annotations, [CONTAINER]: JSON.stringify(note) };
}

/** Undefined: somebody else's. */
export const sandboxNote = (annotations: Annotations | undefined): SandboxNote | undefined => parsed(annotations?.[SANDBOX]);
export const containerNote = (annotations: Annotations | undefined): ContainerNote | undefined => parsed(annotations?.[CONTAINER]);

/** As they were given. */
export function withoutNotes(annotations: Annotations = {}): Annotations {
  const { [SANDBOX]: _, [CONTAINER]: __, ...rest } = annotations;
  return rest;
}

function parsed<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined; // somebody else's annotation of that name
  }
}
