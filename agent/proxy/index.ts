// Entry of agent/proxy: the kube-proxy role. Watches Services and EndpointSlices and keeps the node's rules on them.
import type { Service as KubeService } from '../../api/gen/types/core.v1.ts';
import type { EndpointSlice } from '../../api/gen/types/discovery.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Informer, type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { backoffMs, type Logger, repeat, type Service, systemClock } from '../../kit/run/index.ts';
import type { Backend } from './backend.ts';
import { flowsAtStart, flushFlows, staleFlows } from './conntrack.ts';
import { HealthServers } from './health-servers.ts';
import { prepareHost } from './host.ts';
import { IptablesBackend } from './iptables-backend.ts';
import { NftablesBackend } from './nftables-backend.ts';
import { createPlanner, type Plan } from './plan.ts';

export type { Backend } from './backend.ts';

const BACKENDS = { iptables: IptablesBackend, nftables: NftablesBackend } as const;

export interface ProxyConfig {
  informers: InformerFactory;
  nodeName: string;
  nodeIP: string;
  /** The pods' range (default of the rig: 10.244.0.0/16). */
  clusterCIDR: string;
  /** The Services' range; a route for it is made where the node has no default route. Default 10.0.0.0/16. */
  serviceCIDR?: string;
  /** `topology.kubernetes.io/zone` of the node. */
  zone?: string;
  log: Logger;
  /** Default iptables. What another backend left is removed at the start. */
  backend?: keyof typeof BACKENDS;
}

const SERVICE_CIDR = '10.0.0.0/16';
/** Rules that somebody flushed are seen after at most this long. */
const CHECK_EVERY_MS = 30_000;

/** The service is started when the first full set of rules is in the kernel; stopping leaves the rules, as containers stay too. */
export function startProxy(config: ProxyConfig): Service {
  return {
    name: 'proxy',
    async start(signal) {
      const stop = new AbortController();
      const proxy = new ServiceProxy(config, AbortSignal.any([signal, stop.signal]));
      await proxy.start();
      return {
        failed: new Promise<never>(() => {}),
        async stop() {
          stop.abort();
          await proxy.stopped();
        },
      };
    },
  };
}

class ServiceProxy {
  readonly #config: ProxyConfig;
  readonly #signal: AbortSignal;
  readonly #backend: Backend;
  readonly #services: Informer<KubeService & KubeObject>;
  readonly #slices: Informer<EndpointSlice & KubeObject>;
  readonly #plan = createPlanner();
  readonly #health: HealthServers;
  #failures = 0;
  #appliedMs = 0;
  #applied: Plan | undefined;
  #dirty = true;
  #running: Promise<void> | undefined;
  #check: { stop(): void } | undefined;
  #off: (() => void)[] = [];

  constructor(config: ProxyConfig, signal: AbortSignal) {
    this.#config = config;
    this.#signal = signal;
    const mode = config.backend ?? 'iptables';
    this.#backend = new BACKENDS[mode]();
    const nowMs = () => systemClock.nowMs();
    const health = () => ({ healthy: this.#failures === 0, updatedMs: this.#appliedMs });
    this.#health = new HealthServers({ mode, health, nowMs, log: config.log });
    this.#services = config.informers.of(RESOURCES.services);
    this.#slices = config.informers.of(RESOURCES.endpointslices);
  }

  async start(): Promise<void> {
    const { serviceCIDR = SERVICE_CIDR, nodeIP, log } = this.#config;
    await prepareHost({ serviceCIDR, nodeIP, log });
    await Promise.all([this.#services.synced, this.#slices.synced]);
    await this.#applyOnce();
    this.#health.start();
    void this.#removeOthers();
    const changed = () => this.#kick();
    const handlers = { added: changed, updated: changed, deleted: changed };
    this.#off = [this.#services.on(handlers), this.#slices.on(handlers)];
    this.#check = repeat(
      CHECK_EVERY_MS,
      () => this.#repair(),
      (error) => this.#config.log.warn(`rules could not be checked: ${String(error)}`),
    );
  }

  /** After our own rules are there, so that no Service is without any. */
  async #removeOthers(): Promise<void> {
    for (const [name, Other] of Object.entries(BACKENDS)) {
      if (this.#backend instanceof Other) continue;
      await new Other().cleanup().catch((error: Error) => this.#config.log.debug(`rules of backend ${name} not removed: ${error.message}`));
    }
  }

  async stopped(): Promise<void> {
    this.#check?.stop();
    this.#health.stop();
    for (const off of this.#off) off();
    await this.#running;
  }

  #kick(): void {
    this.#dirty = true;
    this.#running ??= this.#loop();
  }

  /** Changes that come while rules are written are taken together in the next round. */
  async #loop(): Promise<void> {
    await Promise.resolve(); // all events of this turn
    while (this.#dirty && !this.#signal.aborted) {
      try {
        await this.#applyOnce();
      } catch (error) {
        this.#dirty = true;
        this.#config.log.error(`rules not applied: ${error instanceof Error ? error.message : String(error)}`);
        await systemClock.sleep(backoffMs(++this.#failures, 100, 10_000), this.#signal).catch(() => {});
      }
    }
    this.#running = undefined;
  }

  async #applyOnce(): Promise<void> {
    this.#dirty = false;
    const { nodeName, zone, clusterCIDR } = this.#config;
    const place = zone === undefined ? { nodeName } : { nodeName, zone };
    const plan = this.#plan({ services: this.#services.list(), slices: this.#slices.list(), clusterCIDR, ...place });
    await this.#backend.apply(plan);
    const { serviceCIDR = SERVICE_CIDR } = this.#config;
    await flushFlows(this.#applied ? staleFlows(this.#applied, plan) : flowsAtStart(plan, serviceCIDR));
    this.#applied = plan;
    this.#failures = 0;
    this.#appliedMs = systemClock.nowMs();
    this.#health.keep(plan.healthChecks);
  }

  async #repair(): Promise<void> {
    if (this.#running || !(await this.#backend.lostRules())) return;
    this.#config.log.warn('rules of Services were removed by somebody else: writing all again');
    this.#kick();
  }
}
