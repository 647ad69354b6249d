// The files of a volume as a pure function of the objects that it shows.
import type { ConfigMap, KeyToPath, Secret } from '../../api/gen/types/core.v1.ts';

export interface FileContent {
  data: Uint8Array;
  /** Permission bits. */
  mode: number;
  /** Owner, when it is not root. */
  uid?: number;
}

/** Relative path -> file. */
export type Payload = Map<string, FileContent>;

/** A volume cannot be made now; the message is the one of the FailedMount event. */
export class VolumeProblem extends Error {
  /** Where on the way from the pod to the mount, in upstream's words. */
  readonly stage: VolumeStage;
  constructor(message: string, stage: VolumeStage = 'SetUp') {
    super(message);
    this.stage = stage;
  }
}
/** `attach`: nothing is wrong yet, the control plane has still to attach it. `exclusive`: another pod has it for itself. */
export type VolumeStage =
  | 'process'
  | 'attach'
  | 'NodeAffinity'
  | 'NewMounter'
  | 'exclusive'
  | 'WaitForAttach'
  | 'MountDevice'
  | 'SetUp'
  | 'expand';

/** @throws VolumeProblem for a key that is not there and not optional */
export function configMapPayload(object: ConfigMap, items: KeyToPath[] | undefined, defaultMode: number, optional: boolean): Payload {
  const all = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object.data ?? {})) all.set(key, Buffer.from(text));
  for (const [key, text] of Object.entries(object.binaryData ?? {})) all.set(key, Buffer.from(text, 'base64'));
  return chosen(all, items, defaultMode, optional, 'configmap references non-existent config key');
}

/** @throws VolumeProblem for a key that is not there and not optional */
export function secretPayload(object: Secret, items: KeyToPath[] | undefined, defaultMode: number, optional: boolean): Payload {
  const all = new Map(Object.entries(object.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')]));
  return chosen(all, items, defaultMode, optional, 'references non-existent secret key');
}

function chosen(all: Map<string, Uint8Array>, items: KeyToPath[] | undefined, mode: number, optional: boolean, problem: string): Payload {
  const payload: Payload = new Map();
  if (!items?.length) {
    for (const [key, data] of all) payload.set(key, { data, mode });
    return payload;
  }
  for (const item of items) {
    const data = all.get(item.key);
    if (data) payload.set(item.path, { data, mode: item.mode ?? mode });
    else if (!optional) throw new VolumeProblem(`${problem}: ${item.key}`);
  }
  return payload;
}

/** No absolute paths and no way up: the API checks this too, the agent does not rely on it. */
export function checkPaths(payload: Payload): void {
  for (const path of payload.keys())
    if (path === '' || path.startsWith('/') || path.split('/').some((part) => part === '..' || part === ''))
      throw new VolumeProblem(`invalid path: ${path}`);
}
