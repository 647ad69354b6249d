// What every operation of the service works with, and the names of files and cgroups that several of them share.
import { randomBytes } from 'node:crypto';
import type { BridgePlugin } from '../../cni/index.ts';
import { fileErrorText } from '../../kit/fs/index.ts';
import type { PodCgroups } from '../../kit/linux/index.ts';
import type { Logger, Turns } from '../../kit/run/index.ts';
import type { ImageStore, PullOptions } from '../images/index.ts';
import type { Runtime } from '../runtime/index.ts';
import { CriError, type PodSandboxConfig } from './cri.ts';
import type { EventHub } from './events.ts';
import type { ContainerRecord, Records, SandboxRecord } from './records.ts';

/** The node's pod network. `subnet` is the node's pod CIDR; its first address is the bridge's. */
export interface CniOptions {
  bridge: string;
  subnet: string;
  mtu?: number;
  /** All pods' addresses: what a pod sends elsewhere takes the node's address. Absent: no masquerade. */
  clusterCIDR?: string;
  /** The node's network namespace, when this process is in another one (tests). */
  nodeNetns?: string;
}

export interface CriContext {
  readonly runDir: string;
  readonly stateDir: string;
  readonly groups: PodCgroups;
  readonly seccompFolder: string;
  readonly cni: CniOptions;
  readonly registries: Pick<PullOptions, 'insecureRegistries' | 'mirrors' | 'certsDir'>;
  readonly log: Logger;
  readonly runtime: Runtime;
  readonly images: ImageStore;
  readonly network: BridgePlugin;
  readonly sandboxes: Records<SandboxRecord>;
  readonly containers: Records<ContainerRecord>;
  readonly events: EventHub;
  /** One operation a sandbox or container at a time. */
  readonly turns: Turns;
  readonly availableCapabilities: readonly string[];
  /** Whether the kernel can give pods users of their own. */
  canMapUsers(): Promise<boolean>;
}

export const IF_NAME = 'eth0';
export const newId = (): string => randomBytes(32).toString('hex');

/** Files of a sandbox in the run folder: the pins of its namespaces (SANDBOX_PINS), `shm`, `sys`, `layers`, what containers see in /etc. */
export const sandboxFile = (context: CriContext, id: string, name: string): string => `${context.runDir}/s/${id}/${name}`;

export const usesPodNetwork = (config: PodSandboxConfig): boolean => config.linux?.namespaces?.network !== 'node';
export const usesPodIpc = (config: PodSandboxConfig): boolean => config.linux?.namespaces?.ipc !== 'node';

export const podCgroup = ({ groups }: CriContext, { config }: SandboxRecord): string =>
  groups.group(config.linux?.cgroupParent ?? `pod${config.metadata.uid}`);

/** @throws CriError NotFound */
export function mustSandbox(context: CriContext, id: string): SandboxRecord {
  const record = context.sandboxes.get(id);
  if (!record) throw new CriError('NotFound', `an error occurred when try to find sandbox "${id}": not found`);
  return record;
}

/** @throws CriError NotFound */
export function mustContainer(context: CriContext, id: string): ContainerRecord {
  const record = context.containers.get(id);
  if (!record) throw new CriError('NotFound', `an error occurred when try to find container "${id}": not found`);
  return record;
}

export const containersOf = (context: CriContext, sandboxId: string): ContainerRecord[] =>
  context.containers.all().filter((c) => c.sandboxId === sandboxId);

export function containerCgroup(context: CriContext, record: ContainerRecord): string {
  const sandbox = context.sandboxes.get(record.sandboxId);
  return context.groups.container(sandbox ? podCgroup(context, sandbox) : context.groups.group(''), record.id);
}

/** Whether every wanted label is there with that value. */
export const matchesLabels = (labels: Record<string, string> | undefined, wanted: Record<string, string> | undefined): boolean =>
  Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);

export const messageOf = fileErrorText;
