// Devices of plugins on this node: who offers them, who has which, and what comes with them into a container.
import type { Container, Pod, ResourceStatus } from '../../api/gen/types/core.v1.ts';
import { type Clock, type Logger, step, Turns } from '../../kit/run/index.ts';
import {
  type Allotment,
  type ContainerDevices,
  choose,
  completed,
  initContainersOf,
  reusable,
  together,
  type Wish,
  wishesOf,
} from './allotment.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { Plugin } from './plugin.ts';
import { DeviceStock, type NodeResources } from './stock.ts';
import type { WireDevice } from './wire.ts';

export interface DevicesOptions {
  /** Where is kept who has which device. */
  file: string;
  /** Pods of this node that have not ended, by uid; undefined while they are not all known. */
  activePods(): ReadonlySet<string> | undefined;
  clock: Clock;
  log: Logger;
}

export class Devices {
  readonly #options: DevicesOptions;
  readonly #stock = new DeviceStock();
  readonly #plugins = new Map<string, Plugin>();
  /** Resources whose plugin wants to be told of each start of a container. */
  readonly #preStarted = new Set<string>();
  readonly #listeners = new Set<() => void>();
  /** Devices of a resource are given one container after the other. */
  readonly #turns = new Turns();
  #allotments: readonly Allotment[] = [];
  #saving: Promise<void> = Promise.resolve();

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  /** Before anything else is asked. */
  async recover(): Promise<void> {
    const { allotments, resources } = await readCheckpoint(this.#options.file, this.#options.log);
    this.#allotments = allotments;
    for (const resource of resources) this.#stock.remember(resource);
  }

  /** Devices have come, gone, or changed their health. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Asks the plugin what it can do, then follows its list of devices until it goes. @throws Error when it does not answer */
  async connect(resource: string, socket: string): Promise<void> {
    const { clock, log } = this.#options;
    const plugin = await Plugin.connect(resource, socket);
    this.#plugins.get(resource)?.stop();
    this.#plugins.set(resource, plugin);
    log.info({ resource, socket }, 'device plugin registered');
    if (plugin.wantsPreStart) this.#preStarted.add(resource);
    else this.#preStarted.delete(resource);
    if (!this.#stock.has(resource)) {
      this.#stock.remember(resource);
      await this.#save();
    }
    void (async () => {
      try {
        for await (const list of plugin.lists()) if (this.#plugins.get(resource) === plugin) this.#listed(resource, list);
      } catch (error) {
        log.warn({ err: error, resource }, 'device plugin gone');
      }
      if (this.#plugins.get(resource) !== plugin) return; // another one has taken its place
      this.#plugins.delete(resource);
      this.#stock.gone(resource, clock.nowMs());
      this.#changed();
    })();
  }

  /** One plugin has gone. */
  drop(resource: string): void {
    this.#plugins.get(resource)?.stop();
  }

  /** The agent goes: plugins and their devices stay for the next one. */
  disconnect(): void {
    for (const plugin of this.#plugins.values()) plugin.stop();
    this.#plugins.clear();
  }

  #listed(resource: string, devices: readonly WireDevice[]): void {
    this.#stock.put(resource, devices);
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Of a plugin that is or was here. */
  isDevice(resource: string): boolean {
    return this.#stock.has(resource) || this.#allotments.some((one) => one.resource === resource);
  }

  /** What the node's status adds. */
  nodeResources(): NodeResources {
    return this.#stock.nodeResources(this.#options.clock.nowMs());
  }

  /** Some container of the pod is to have devices. */
  wants(pod: Pod): boolean {
    return containersOf(pod).some((container) => this.#wishes(pod, container).length > 0);
  }

  /** Gives all containers of a pod their devices. Safe to repeat. @throws DeviceProblem, Error of a plugin */
  async allocate(pod: Pod): Promise<void> {
    for (const container of containersOf(pod))
      for (const wish of this.#wishes(pod, container)) await this.#turns.take(wish.resource, () => this.#give(pod, wish));
  }

  /** For one start of a container. Undefined: it has no devices. @throws DeviceProblem, Error of a plugin */
  async prepare(pod: Pod, container: Container): Promise<ContainerDevices | undefined> {
    const wishes = this.#wishes(pod, container);
    if (wishes.length === 0) return undefined;
    const given = [];
    for (const wish of wishes) {
      if (!this.#allotmentOf(wish)) await this.#turns.take(wish.resource, () => this.#give(pod, wish));
      const allotment = this.#allotmentOf(wish);
      if (allotment) given.push(allotment);
    }
    for (const { resource, deviceIds } of given) await this.#preStart(resource, deviceIds);
    return together(given.map(({ answer }) => answer));
  }

  async #preStart(resource: string, deviceIds: readonly string[]): Promise<void> {
    if (!this.#preStarted.has(resource)) return;
    const plugin = this.#plugins.get(resource);
    if (!plugin) throw new Error(`endpoint not found in cache for a registered resource: ${resource}`);
    await plugin.preStart(deviceIds);
  }

  /** What the status of a container says of its devices; undefined: it has none. */
  status(pod: Pod, container: string): ResourceStatus[] | undefined {
    const found = this.of(pod.metadata.uid ?? '', container).map(({ resource, deviceIds }) => ({
      name: resource,
      resources: deviceIds.map((id) => ({ resourceID: id, health: this.#stock.health(resource, id) })),
    }));
    return found.length > 0 ? found : undefined;
  }

  of(podUid: string, container: string): readonly Allotment[] {
    return this.#allotments.filter((one) => one.podUid === podUid && one.container === container);
  }

  get stock(): Pick<DeviceStock, 'resources' | 'of' | 'device'> {
    return this.#stock;
  }

  #wishes = (pod: Pod, container: Container): Wish[] => wishesOf(pod.metadata.uid ?? '', container, (resource) => this.isDevice(resource));

  #allotmentOf = ({ podUid, container, resource }: Wish): Allotment | undefined =>
    this.of(podUid, container).find((one) => one.resource === resource);

  async #give(pod: Pod, wish: Wish): Promise<void> {
    const { resource, podUid, container } = wish;
    this.#forgetEnded(podUid);
    const choice = choose(wish, this.#stock.of(resource), this.#allotments, reusable(pod, wish, this.#allotments));
    if (!choice) return;
    const plugin = this.#plugins.get(resource);
    if (!plugin) throw new Error(`unknown Device Plugin ${resource}`);
    const preferred = choice.missing > 0 ? await plugin.preferred([...choice.kept, ...choice.free], choice.kept, wish.count) : [];
    const deviceIds = completed(choice, preferred);
    const answer = await step('devices.allocate', () => plugin.allocate(deviceIds));
    const allotment: Allotment = { podUid, container, resource, deviceIds, answer };
    this.#allotments = [...this.#allotments, allotment];
    try {
      await step('devices.record', () => this.#save());
    } catch (error) {
      this.#allotments = this.#allotments.filter((one) => one !== allotment); // the next life of the agent would give them to others
      throw error;
    }
  }

  /** What ended pods had is free. */
  #forgetEnded(asking: string): void {
    const active = this.#options.activePods();
    if (active) this.#allotments = this.#allotments.filter(({ podUid }) => podUid === asking || active.has(podUid));
  }

  #save(): Promise<void> {
    const write = () => writeCheckpoint(this.#options.file, { allotments: [...this.#allotments], resources: this.#stock.resources });
    this.#saving = this.#saving.catch(() => {}).then(write);
    return this.#saving;
  }
}

const containersOf = (pod: Pod): readonly Container[] => [...initContainersOf(pod), ...(pod.spec?.containers ?? [])];
