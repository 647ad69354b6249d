// Specifications of the Container Device Interface (v1.1.0, cncf-tags/container-device-interface): what a device brings into a container.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { namesIn } from '../../kit/fs/index.ts';

export interface CdiDeviceNode {
  path: string;
  hostPath?: string;
  type?: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  permissions?: string;
  uid?: number;
  gid?: number;
}

export interface CdiHook {
  hookName: string;
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export interface CdiMount {
  hostPath: string;
  containerPath: string;
  type?: string;
  options?: string[];
}

export interface CdiEdits {
  env?: string[];
  deviceNodes?: CdiDeviceNode[];
  mounts?: CdiMount[];
  hooks?: CdiHook[];
  additionalGids?: number[];
}

export interface CdiSpec {
  /** `vendor.com/class`. */
  kind: string;
  containerEdits?: CdiEdits;
  devices: { name: string; containerEdits: CdiEdits }[];
}

/** The later folder wins. */
export const CDI_FOLDERS: readonly string[] = ['/etc/cdi', '/var/run/cdi'];
const EDITS = new Set(['env', 'deviceNodes', 'mounts', 'hooks', 'additionalGids']);

/** By folder, in their order. What cannot be read as a specification has no devices: `onBad` hears why. */
export function readCdiSpecs(folders: readonly string[], onBad: (file: string, error: unknown) => void): CdiSpec[][] {
  return folders.map((folder) =>
    specificationsIn(folder).flatMap((name) => {
      const file = join(folder, name);
      try {
        return [cdiSpec(parse(readFileSync(file, 'utf8')))];
      } catch (error) {
        onBad(file, error);
        return [];
      }
    }),
  );
}

/** @throws Error for what is no specification, or asks for more than can be given. Pure. */
export function cdiSpec(value: unknown): CdiSpec {
  const { cdiVersion, kind, devices, containerEdits } = (value ?? {}) as Partial<CdiSpec> & { cdiVersion?: unknown };
  if (typeof cdiVersion !== 'string') throw new Error('it has no cdiVersion');
  if (typeof kind !== 'string' || !/^[^/]+\/[^/]+$/.test(kind))
    throw new Error(`its kind must be vendor/class, is ${JSON.stringify(kind)}`);
  if (!Array.isArray(devices) || devices.length === 0) throw new Error('it has no devices');
  for (const { name, containerEdits: edits } of devices) {
    if (typeof name !== 'string' || name === '') throw new Error('a device has no name');
    checkEdits(edits);
  }
  if (containerEdits !== undefined) checkEdits(containerEdits);
  return { kind, devices, ...(containerEdits ? { containerEdits } : {}) };
}

function checkEdits(edits: object | undefined): void {
  if (typeof edits !== 'object' || edits === null) throw new Error('a device has no containerEdits');
  const strange = Object.keys(edits).find((name) => !EDITS.has(name));
  if (strange) throw new Error(`containerEdits.${strange} is not supported`);
}

const specificationsIn = (folder: string): string[] =>
  namesIn(folder)
    .filter((name) => /\.(json|yaml)$/.test(name))
    .sort();
