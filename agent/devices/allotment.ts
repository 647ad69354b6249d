// Which devices a container gets, and what they bring into it. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger } from '../../api/meta/index.ts';
import { isSidecar } from '../../kit/pods/index.ts';
import type { ContainerAnswer } from './wire.ts';

/** Devices of one resource, given to one container until its pod has ended. */
export interface Allotment {
  podUid: string;
  container: string;
  resource: string;
  deviceIds: readonly string[];
  /** What the plugin said that comes with them. */
  answer: ContainerAnswer;
}

export interface Wish {
  podUid: string;
  container: string;
  resource: string;
  count: number;
}

/** Why devices cannot be given, in upstream's words. */
export class DeviceProblem extends Error {}

/** Others have them. */
export class DevicesTaken extends DeviceProblem {}

export const initContainersOf = (pod: Pod): readonly Container[] => pod.spec?.initContainers ?? [];

/** Extended resources are never overcommitted: the limits say it all. `isDevice`: the resource is of a plugin. */
export const wishesOf = (podUid: string, { name, resources }: Container, isDevice: (resource: string) => boolean): Wish[] =>
  Object.entries(resources?.limits ?? {})
    .map(([resource, quantity]) => ({ podUid, container: name, resource, count: Number(toInteger(quantity)) }))
    .filter(({ resource, count }) => count > 0 && isDevice(resource))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));

/** Devices that init containers have used and left behind, less those of the sidecars and containers that came after them. */
export function reusable(pod: Pod, wish: Wish, given: readonly Allotment[]): string[] {
  const mine = given.filter(({ podUid, resource }) => podUid === wish.podUid && resource === wish.resource);
  const idsOf = (container: Container) => mine.filter(({ container: name }) => name === container.name).flatMap((one) => one.deviceIds);
  let left = new Set<string>();
  for (const container of [...initContainersOf(pod), ...(pod.spec?.containers ?? [])]) {
    if (container.name === wish.container) break;
    const ids = new Set(idsOf(container));
    const isPassing = initContainersOf(pod).includes(container) && !isSidecar(container);
    left = isPassing ? left.union(ids) : left.difference(ids);
  }
  return [...left];
}

/** What is known of a resource's devices. */
export interface Stock {
  healthy: ReadonlySet<string>;
}

export interface Choice {
  /** Taken over from the pod's init containers. */
  kept: readonly string[];
  /** The others are to be had from here, in this order unless the plugin prefers another. */
  free: readonly string[];
  missing: number;
}

/** Undefined: the container has its devices. @throws DeviceProblem */
export function choose(wish: Wish, stock: Stock | undefined, given: readonly Allotment[], reuse: readonly string[]): Choice | undefined {
  const { resource, count } = wish;
  const had = given.find((one) => one.podUid === wish.podUid && one.container === wish.container && one.resource === resource);
  if (had && had.deviceIds.length !== count)
    throw new DeviceProblem(
      `pod "${wish.podUid}" container "${wish.container}" changed request for resource "${resource}" from ${had.deviceIds.length} to ${count}`,
    );
  if (!stock) throw new DeviceProblem(`cannot allocate unregistered device ${resource}`);
  const { healthy } = stock;
  if (healthy.size === 0) throw new DeviceProblem(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
  if (had && !had.deviceIds.every((id) => healthy.has(id)))
    throw new DeviceProblem(`previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`);
  if (had) return undefined;
  const kept = reuse.filter((id) => healthy.has(id)).slice(0, count);
  const taken = new Set(given.filter((one) => one.resource === resource).flatMap((one) => one.deviceIds));
  const free = [...healthy].filter((id) => !taken.has(id)).sort(byNumber);
  const missing = count - kept.length;
  if (free.length < missing)
    throw new DevicesTaken(`requested number of devices unavailable for ${resource}. Requested: ${missing}, Available: ${free.length}`);
  return { kept, free, missing };
}

/** `preferred`: what the plugin would give; it may have named too few, or what is not to be had. */
export function completed({ kept, free, missing }: Choice, preferred: readonly string[]): string[] {
  const liked = free.filter((id) => preferred.includes(id));
  const others = free.filter((id) => !preferred.includes(id));
  return [...kept, ...[...liked, ...others].slice(0, missing)];
}

/** gpu-2 before gpu-10. */
const collator = new Intl.Collator('en', { numeric: true });
const byNumber = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : 1);

/** What a container's devices bring into it. */
export interface ContainerDevices {
  env: readonly [name: string, value: string][];
  mounts: readonly { containerPath: string; hostPath: string; readonly: boolean }[];
  devices: readonly { containerPath: string; hostPath: string; permissions: string }[];
  annotations: Readonly<Record<string, string>>;
  /** Names of CDI devices, `vendor.com/class=name`. */
  cdiDevices: readonly string[];
}

/** Where two resources bring the same, the first one counts. */
export function together(answers: readonly ContainerAnswer[]): ContainerDevices {
  const first = <T>(items: readonly T[], key: (item: T) => string): T[] =>
    [...new Map(items.toReversed().map((item) => [key(item), item])).values()].toReversed();
  const by = <T>(pick: (answer: ContainerAnswer) => readonly T[], key: (item: T) => string): T[] => first(answers.flatMap(pick), key);
  return {
    env: by(
      ({ envs }) => Object.entries(envs),
      ([name]) => name,
    ),
    mounts: by(
      ({ mounts }) => mounts,
      ({ containerPath }) => containerPath,
    ).map(({ containerPath, hostPath, readOnly }) => ({ containerPath, hostPath, readonly: readOnly })),
    devices: by(
      ({ devices }) => devices,
      ({ containerPath }) => containerPath,
    ),
    annotations: Object.fromEntries(
      by(
        ({ annotations }) => Object.entries(annotations),
        ([name]) => name,
      ),
    ),
    cdiDevices: by(
      ({ cdiDevices }) => cdiDevices.map(({ name }) => name),
      (name) => name,
    ),
  };
}
