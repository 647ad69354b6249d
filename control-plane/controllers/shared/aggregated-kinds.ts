// The kinds of extension servers: discovered when an APIService says that its server is there, and looked at again from time to time.
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Client, type DiscoveredResource, type InformerFactory, keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome, Reconciler } from '../../../kit/queue/index.ts';
import type { Clock, Logger } from '../../../kit/run/index.ts';

/** A server may serve other resources than before; upstream's period. */
const LOOK_AGAIN_MS = 30_000;

interface Known {
  readonly groupVersion: string;
  readonly priority: number;
  /** What it served when it last said so. */
  readonly resources: readonly DiscoveredResource[];
  /** Why it cannot say so now. */
  readonly failure?: string;
}

export interface AggregatedKindsOptions {
  client: Client;
  informers: InformerFactory;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Other resources than before. */
  changed(): void;
}

export class AggregatedKinds {
  readonly #options: AggregatedKindsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: AggregatedKindsOptions) {
    this.#options = options;
    const apiServices = options.informers.of<KubeObject>(RESOURCES.apiservices);
    const queue = new Reconciler({
      reconcile: (name) => this.#look(name, apiServices.get(name)),
      workersMax: 4,
      signal: options.signal,
      clock: options.clock,
      onError: (name, err) => options.log.warn({ err, name }, 'discovery of an extension server'),
    });
    const seen = (object: KubeObject) => {
      const name = keyOf(object);
      if (isRemote(object) && !this.#known.has(name)) this.#known.set(name, notLooked(object));
      if (this.#known.has(name)) queue.add(name);
    };
    apiServices.on({ added: seen, updated: (_, object) => seen(object), deleted: seen });
  }

  /** Of a group's versions the one of highest priority that has the resource. */
  resources(only: 'all' | 'reachable' = 'all'): DiscoveredResource[] {
    const chosen = new Map<string, DiscoveredResource>();
    const known = [...this.#known.values()].filter(({ failure }) => only === 'all' || failure === undefined);
    for (const { resources } of known.sort((a, b) => b.priority - a.priority))
      for (const resource of resources) {
        const key = `${resource.plural}.${resource.group}`;
        if (!chosen.has(key)) chosen.set(key, resource);
      }
    return [...chosen.values()];
  }

  /** `group/version` -> why it is not known what is there. */
  failures(): Map<string, string> {
    return new Map([...this.#known.values()].flatMap(({ groupVersion, failure }) => (failure ? [[groupVersion, failure]] : [])));
  }

  async #look(name: string, object: KubeObject | undefined): Promise<Outcome> {
    if (!object || !isRemote(object)) {
      if (this.#known.delete(name)) this.#options.changed();
      return done;
    }
    const before = this.#known.get(name);
    const next = await this.#discover(object, before?.resources ?? []);
    this.#known.set(name, next);
    if (JSON.stringify(before?.resources ?? []) !== JSON.stringify(next.resources) || before?.priority !== next.priority)
      this.#options.changed();
    return { retryAfterMs: LOOK_AGAIN_MS };
  }

  async #discover(object: KubeObject, before: readonly DiscoveredResource[]): Promise<Known> {
    const stale: Known = { ...notLooked(object), resources: before };
    if (!isAvailable(object)) return stale;
    const { group, version } = object['spec'] as { group: string; version: string };
    try {
      const resources = await this.#options.client.discover(group, version);
      return { groupVersion: stale.groupVersion, priority: stale.priority, resources };
    } catch (error) {
      return { ...stale, failure: (error as Error).message };
    }
  }
}

const isRemote = (object: KubeObject): boolean => Boolean(object['spec']?.service && object['spec'].group);

/** What is known before anything is: an error of discovery as clients have it. */
function notLooked({ spec }: KubeObject): Known {
  const groupVersion = `${spec.group}/${spec.version}`;
  return { groupVersion, priority: spec.versionPriority, resources: [], failure: `stale GroupVersion discovery: ${groupVersion}` };
}

const isAvailable = (object: KubeObject): boolean =>
  ((object['status']?.conditions ?? []) as { type: string; status: string }[]).some(
    ({ type, status }) => type === 'Available' && status === 'True',
  );
