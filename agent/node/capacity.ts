// What this machine has and what it is: capacity and nodeInfo.
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, release } from 'node:os';
import type { NodeSystemInfo } from '../../api/gen/types/core.v1.ts';
import { milliQuantity, quantityText, toInteger, toMilli } from '../../api/meta/index.ts';
import { type HugePages, hugePages } from '../../kit/linux/index.ts';

/** The version of Kubernetes whose node behaviour this agent follows. */
export const KUBELET_VERSION = 'v1.36.2+wherry';

export interface Capacity {
  resources: Record<string, string>;
  memoryBytes: number;
  diskBytes: number;
}

/** `folder`: where pods' local storage is; `memoryBytes`: that the node may use. */
export async function readCapacity(folder: string, memoryBytes: number, podsMax: number): Promise<Capacity> {
  const disk = await statfs(folder);
  return {
    memoryBytes,
    diskBytes: disk.blocks * disk.bsize,
    resources: {
      cpu: String(availableParallelism()),
      'ephemeral-storage': `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki`,
      memory: `${Math.floor(memoryBytes / 1024)}Ki`,
      pods: String(podsMax),
      ...hugePageResources(hugePages()),
    },
  };
}

/** `hugepages-2Mi: 32Mi`, also for sizes of which none is reserved. Pure. */
export const hugePageResources = (pages: readonly HugePages[]): Record<string, string> =>
  Object.fromEntries(pages.map(({ sizeBytes, count }) => [`${HUGE}${binary(sizeBytes)}`, binary(sizeBytes * count)]));
const HUGE = 'hugepages-';
const binary = (bytes: number): string => quantityText(milliQuantity(BigInt(bytes) * 1000n, 'BinarySI'));

/** Capacity less what is reserved, what `kept` says in bytes beyond that, and the memory that is there in huge pages only; never below nothing. Pure. */
export function allocatableOf(
  capacity: Readonly<Record<string, string>>,
  reserved: Readonly<Record<string, string>>,
  kept: Readonly<Record<string, bigint>> = {},
): Record<string, string> {
  const huge = Object.entries(capacity).reduce((sum, [name, text]) => sum + (name.startsWith(HUGE) ? toInteger(text) : 0n), 0n);
  const left = Object.entries(capacity).map(([name, text]): [string, string] => {
    if (name === 'cpu') return [name, reserved[name] ? `${atLeastNothing(toMilli(text) - toMilli(reserved[name]))}m` : text];
    const taken = toInteger(reserved[name] ?? '0') + (kept[name] ?? 0n) + (name === 'memory' ? huge : 0n);
    if (taken === 0n) return [name, text];
    const rest = atLeastNothing(toInteger(text) - taken);
    return [name, name === 'pods' ? String(rest) : binary(Number(rest))];
  });
  return Object.fromEntries(left);
}

const atLeastNothing = (amount: bigint): bigint => (amount < 0n ? 0n : amount);

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };
const architecture = (): string => ARCHITECTURES[arch()] ?? arch();

export function systemInfo(containerRuntimeVersion: string): NodeSystemInfo {
  return {
    architecture: architecture(),
    bootID: line('/proc/sys/kernel/random/boot_id'),
    containerRuntimeVersion,
    kernelVersion: release(),
    kubeProxyVersion: '',
    kubeletVersion: KUBELET_VERSION,
    machineID: line('/etc/machine-id'),
    operatingSystem: 'linux',
    osImage: osName(line('/etc/os-release', true)),
    systemUUID: line('/sys/class/dmi/id/product_uuid'),
  };
}

/** PRETTY_NAME of os-release; pure. */
const osName = (osRelease: string): string => /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux';

function line(path: string, whole = false): string {
  try {
    const text = readFileSync(path, 'utf8');
    return whole ? text : text.trim();
  } catch {
    return '';
  }
}
