// Routes to the pods of the other nodes: the nodes share a link, so each pod range is reached through its node's address.
import type { Node } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Informer, type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { Netlink } from '../../kit/linux/index.ts';
import { backoffMs, type Clock, type Logger, neverFails, type Service } from '../../kit/run/index.ts';

export interface RoutesOptions {
  informers: InformerFactory;
  nodeName: string;
  clock: Clock;
  log: Logger;
}

type NodeObject = Node & KubeObject;

/** Pod range -> address of its node, for all nodes but our own. Pure. */
export function wantedRoutes(nodes: readonly Node[], ownName: string): Map<string, string> {
  const routes = new Map<string, string>();
  for (const { metadata, spec, status } of nodes) {
    const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    if (metadata.name !== ownName && spec?.podCIDR && address) routes.set(spec.podCIDR, address);
  }
  return routes;
}

export function podRoutes(options: RoutesOptions): Service {
  return {
    name: 'routes',
    async start() {
      const nodes: Informer<NodeObject> = options.informers.of(RESOURCES.nodes);
      const keeper = new RouteKeeper(options, nodes);
      const changed = () => keeper.kick();
      await nodes.synced;
      const off = nodes.on({ added: changed, updated: changed, deleted: changed });
      return {
        failed: neverFails,
        async stop() {
          off();
          await keeper.stop(); // the routes stay: containers run on
        },
      };
    },
  };
}

class RouteKeeper {
  readonly #options: RoutesOptions;
  readonly #nodes: Informer<NodeObject>;
  readonly #stop = new AbortController();
  /** Written by us in this life. Routes of nodes that went away while we were not there are harmless: nobody is behind them. */
  readonly #present = new Map<string, string>();
  #isDirty = false;
  #running: Promise<void> | undefined;

  constructor(options: RoutesOptions, nodes: Informer<NodeObject>) {
    this.#options = options;
    this.#nodes = nodes;
  }

  kick(): void {
    this.#isDirty = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let failures = 0; this.#isDirty && !this.#stop.signal.aborted; ) {
      this.#isDirty = false;
      try {
        await this.#apply();
        failures = 0;
      } catch (error) {
        this.#isDirty = true;
        this.#options.log.warn({ err: error }, 'routes to pods of other nodes not written');
        await this.#options.clock.sleep(backoffMs(++failures, 100, 10_000), this.#stop.signal).catch(() => {});
      }
    }
  }

  async #apply(): Promise<void> {
    const wanted = wantedRoutes(this.#nodes.list(), this.#options.nodeName);
    using netlink = Netlink.open();
    for (const [destination, gateway] of this.#present) {
      if (wanted.has(destination)) continue;
      await netlink.deleteRoute({ destination, gateway });
      this.#present.delete(destination);
    }
    for (const [destination, gateway] of wanted) {
      if (this.#present.get(destination) === gateway) continue;
      await netlink.replaceRoute({ destination, gateway });
      this.#present.set(destination, gateway);
    }
  }
}
