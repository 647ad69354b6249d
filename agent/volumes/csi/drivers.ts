// Drivers of this node: a socket in the registry folder announces one; it is asked who it is and told into CSINode and the node's labels.
// Plugins of other types that come the same way are handed to whoever serves them.
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CSINode, CSINodeDriver } from '../../../api/gen/types/storage.v1.ts';
import { deepEqual, isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';
import { backoffMs, type Clock, type Logger, neverFails, type Service } from '../../../kit/run/index.ts';
import { keepCounting } from './counting.ts';
import { call } from './wire.ts';

export interface Driver {
  readonly name: string;
  readonly socket: string;
  readonly nodeId: string;
  /** Of the node service, e.g. STAGE_UNSTAGE_VOLUME. */
  readonly can: ReadonlySet<string>;
}

/** Who serves plugins of one type. */
export interface PluginType {
  /** @throws Error in words for the plugin, which is told */
  register(name: string, socket: string, versions: readonly string[]): Promise<void>;
  unregister(name: string): Promise<void>;
}

export interface DriversOptions {
  client: Client;
  nodeName: string;
  /** Sockets appear and disappear here. */
  folder: string;
  /** Of other plugins than CSI's, by the type that they name. */
  others?: Readonly<Record<string, PluginType>>;
  clock: Clock;
  log: Logger;
}

/** What a plugin says of itself. */
interface PluginInfo {
  type: string;
  name: string;
  endpoint: string;
  supportedVersions?: readonly string[];
}

/** A registration socket that is there; without `gone` it is being registered, or nobody serves its type. */
interface Seen {
  inode: number;
  gone?(): Promise<void>;
}

interface NodeInfo {
  nodeId: string;
  maxVolumesPerNode: number;
  accessibleTopology?: { segments: Record<string, string> } | null;
}

/** A driver may take its time to come up behind its socket. */
const ASK_MS = 10_000;
const TRIES_MAX = 12;

export class Drivers {
  readonly #options: DriversOptions;
  readonly #byName = new Map<string, Driver>();
  /** Ends what is done for a registered driver, by its name. */
  readonly #ends = new Map<string, AbortController>();
  /** By registration socket. */
  readonly #seen = new Map<string, Seen>();
  readonly #types: Readonly<Record<string, PluginType>>;
  readonly #stop = new AbortController();
  #watcher: FSWatcher | undefined;
  #scanning: Promise<void> = Promise.resolve();

  constructor(options: DriversOptions) {
    this.#options = options;
    const csi: PluginType = { register: (name, socket) => this.#register(name, socket), unregister: (name) => this.#unregister(name) };
    this.#types = { ...options.others, CSIPlugin: csi };
  }

  get service(): Service {
    return {
      name: 'csi drivers',
      start: async () => {
        const { folder, log } = this.#options;
        await mkdir(folder, { recursive: true, mode: 0o750 });
        const look = () => {
          this.#scanning = this.#scanning.then(() => this.#scan()).catch((error: unknown) => log.warn({ err: error }, 'plugins not seen'));
        };
        this.#watcher = watch(folder, look);
        look();
        await this.#scanning;
        this.#change((known) => known).catch((error: unknown) => log.warn({ err: error }, 'CSINode not made'));
        return {
          failed: neverFails,
          stop: async () => {
            this.#stop.abort();
            this.#watcher?.close();
          },
        };
      },
    };
  }

  get(name: string): Driver | undefined {
    return this.#byName.get(name);
  }

  /** Asks the driver anew how many volumes the node can have, and tells it. */
  async recount(name: string): Promise<void> {
    const driver = this.#byName.get(name);
    if (!driver) return;
    const node = await call<NodeInfo>(driver.socket, 'csi.v1.Node', 'NodeGetInfo', {}, ASK_MS);
    if (this.#byName.get(name) === driver) await this.#tell(driver, node); // else it would come back
  }

  async #scan(): Promise<void> {
    const { folder } = this.#options;
    const present = new Map<string, number>();
    for (const name of await readdir(folder)) {
      const found = await stat(join(folder, name)).catch(() => undefined);
      if (found?.isSocket()) present.set(join(folder, name), found.ino);
    }
    for (const [path, { inode, gone }] of this.#seen) {
      if (present.get(path) === inode) continue;
      this.#seen.delete(path);
      await gone?.();
    }
    for (const [path, inode] of present) {
      if (this.#seen.has(path)) continue;
      const entry: Seen = { inode };
      this.#seen.set(path, entry);
      void this.#registerUntilDone(path, entry);
    }
  }

  async #registerUntilDone(path: string, entry: Seen): Promise<void> {
    const { clock, log } = this.#options;
    for (let failures = 1; this.#seen.get(path) === entry && !this.#stop.signal.aborted; failures++) {
      try {
        const gone = await this.#introduce(path);
        if (gone) entry.gone = gone;
        return;
      } catch (error) {
        log.warn({ err: error, socket: path }, 'plugin not registered');
        if (failures === TRIES_MAX) return;
        await clock.sleep(backoffMs(failures, 500, 30_000), this.#stop.signal).catch(() => {});
      }
    }
  }

  /** Returns what is to be done when it goes; undefined: nobody serves plugins of its type. */
  async #introduce(path: string): Promise<(() => Promise<void>) | undefined> {
    const registry = 'pluginregistration.Registration';
    const info = await call<PluginInfo>(path, registry, 'GetInfo', {}, ASK_MS);
    const type = this.#types[info.type];
    if (!type) return undefined;
    try {
      await type.register(info.name, info.endpoint || path, info.supportedVersions ?? []);
      await call(path, registry, 'NotifyRegistrationStatus', { pluginRegistered: true }, ASK_MS);
    } catch (error) {
      await call(path, registry, 'NotifyRegistrationStatus', { pluginRegistered: false, error: String(error) }, ASK_MS).catch(() => {});
      throw error;
    }
    return () => type.unregister(info.name);
  }

  async #register(name: string, socket: string): Promise<void> {
    const [node, { capabilities }] = await Promise.all([
      call<NodeInfo>(socket, 'csi.v1.Node', 'NodeGetInfo', {}, ASK_MS),
      call<{ capabilities: { rpc?: { type: string } }[] }>(socket, 'csi.v1.Node', 'NodeGetCapabilities', {}, ASK_MS),
    ]);
    const driver = { name, socket, nodeId: node.nodeId, can: new Set(capabilities.map(({ rpc }) => rpc?.type ?? '')) };
    const { client, log, nodeName } = this.#options;
    const labels = node.accessibleTopology?.segments ?? {};
    if (Object.keys(labels).length > 0) await client.patch(RESOURCES.nodes, nodeName, 'merge', { metadata: { labels } });
    await this.#tell(driver, node);
    this.#byName.set(name, driver);
    this.#keepCounting(driver);
    log.info({ driver: name }, 'CSI driver registered');
  }

  #keepCounting(driver: Driver): void {
    const end = new AbortController();
    this.#ends.get(driver.name)?.abort();
    this.#ends.set(driver.name, end);
    const ask = () => this.recount(driver.name);
    void keepCounting(this.#options, driver.name, ask, AbortSignal.any([end.signal, this.#stop.signal]));
  }

  async #tell(driver: Driver, { maxVolumesPerNode, accessibleTopology }: NodeInfo): Promise<void> {
    const segments = accessibleTopology?.segments ?? {};
    await this.#change((others) => [
      ...others.filter(({ name }) => name !== driver.name),
      {
        name: driver.name,
        nodeID: driver.nodeId,
        topologyKeys: Object.keys(segments).sort(),
        ...(maxVolumesPerNode > 0 ? { allocatable: { count: maxVolumesPerNode } } : {}),
      } as CSINodeDriver,
    ]);
  }

  async #unregister(name: string): Promise<void> {
    this.#byName.delete(name);
    this.#ends.get(name)?.abort();
    this.#ends.delete(name);
    await this.#change((drivers) => drivers.filter((driver) => driver.name !== name));
    this.#options.log.info({ driver: name }, 'CSI driver gone');
  }

  /** Drivers change CSINode one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  #change(next: (drivers: CSINodeDriver[]) => CSINodeDriver[]): Promise<void> {
    const done = this.#changing.then(() => this.#changeNow(next));
    this.#changing = done.catch(() => {});
    return done;
  }

  async #changeNow(next: (drivers: CSINodeDriver[]) => CSINodeDriver[]): Promise<void> {
    const { client, nodeName } = this.#options;
    const found = await client.get<CSINode & KubeObject>(RESOURCES.csinodes, nodeName).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
      return undefined;
    });
    const drivers = next(found?.spec.drivers ?? []);
    if (found) {
      if (!deepEqual(drivers, found.spec.drivers ?? []))
        await client.update(RESOURCES.csinodes, { ...found, spec: { ...found.spec, drivers } });
      return;
    }
    const node = await client.get<KubeObject>(RESOURCES.nodes, nodeName);
    const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid };
    const body = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: { name: nodeName, ownerReferences: [owner] },
      spec: { drivers },
    };
    await client.create(RESOURCES.csinodes, body);
  }
}
