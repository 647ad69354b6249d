// The devices of this node as their plugins list them, and what the node's status says of them.
import { HEALTHY, type WireDevice } from './wire.ts';

interface Shelf {
  devices: readonly WireDevice[];
  /** When its plugin went away; undefined: it is there. */
  goneAtMs: number | undefined;
}

export interface NodeResources {
  capacity: Record<string, string>;
  allocatable: Record<string, string>;
}

/** A plugin that comes back within this time finds its devices still counted, though nobody gets them. */
const ABSENCE_MAX_MS = 300_000;

export class DeviceStock {
  readonly #shelves = new Map<string, Shelf>();

  has(resource: string): boolean {
    return this.#shelves.has(resource);
  }
  get resources(): string[] {
    return [...this.#shelves.keys()].sort();
  }

  /** Known from before the agent was started: nothing is there until its plugin registers again. */
  remember(resource: string): void {
    this.#shelves.set(resource, { devices: [], goneAtMs: Number.NEGATIVE_INFINITY });
  }
  /** As its plugin lists them now. */
  put(resource: string, devices: readonly WireDevice[]): void {
    this.#shelves.set(resource, { devices, goneAtMs: undefined });
  }
  gone(resource: string, nowMs: number): void {
    this.#shelves.set(resource, { devices: this.listed(resource), goneAtMs: nowMs });
  }

  /** Also of a plugin that is gone. */
  listed(resource: string): readonly WireDevice[] {
    return this.#shelves.get(resource)?.devices ?? [];
  }

  of(resource: string): { healthy: ReadonlySet<string> } | undefined {
    const shelf = this.#shelves.get(resource);
    if (!shelf) return undefined;
    const healthy = shelf.goneAtMs === undefined ? shelf.devices.filter(({ health }) => health === HEALTHY) : [];
    return { healthy: new Set(healthy.map(({ ID }) => ID)) };
  }

  device(resource: string, id: string): WireDevice | undefined {
    return this.listed(resource).find(({ ID }) => ID === id);
  }

  /** Of a device that a container was given. */
  health(resource: string, id: string): 'Healthy' | 'Unhealthy' | 'Unknown' {
    const device = this.device(resource, id);
    if (!device) return 'Unknown';
    return this.of(resource)?.healthy.has(id) ? 'Healthy' : 'Unhealthy';
  }

  /** Capacity counts all devices, allocatable the healthy ones. A resource without a plugin stays, at nothing. */
  nodeResources(nowMs: number): NodeResources {
    const capacity: Record<string, string> = {};
    const allocatable: Record<string, string> = {};
    for (const [resource, { devices, goneAtMs }] of this.#shelves) {
      const isForgotten = goneAtMs !== undefined && nowMs - goneAtMs > ABSENCE_MAX_MS;
      capacity[resource] = String(isForgotten ? 0 : new Set(devices.map(({ ID }) => ID)).size);
      allocatable[resource] = String(this.of(resource)?.healthy.size ?? 0);
    }
    return { capacity, allocatable };
  }
}
