// Every kind of object that can be deleted, with a cache of its metadata at least: built-in ones from the kind table, others as their CRDs and APIServices come and go.
import type { CustomResourceDefinition } from '../../../api/gen/types/apiextensions.v1.ts';
import { kinds } from '../../../api/kinds/index.ts';
import {
  type Client,
  createInformer,
  type DiscoveredResource,
  type Informer,
  type InformerFactory,
  type InformerScope,
  RESOURCES,
  type Resource,
} from '../../../kit/client/index.ts';
import type { Clock, Logger } from '../../../kit/run/index.ts';
import { AggregatedKinds } from './aggregated-kinds.ts';

/** Listed, watched and deleted through the API, once each: kinds that are stored as another version of themselves are left out. */
const builtInResources: readonly Resource[] = kinds
  .filter(
    ({ verbs, virtual, storage, plural }) =>
      !virtual && !storage && plural !== 'events' && ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)),
  )
  .map(({ group, version, plural, kind, namespaced }) => ({ group, version, plural, kind, namespaced }));

/** The resource of an established CRD, in a version that is served. */
function customResource({ spec, status }: CustomResourceDefinition): Resource | undefined {
  const established = status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True');
  const version = spec.versions.find(({ storage, served }) => storage && served) ?? spec.versions.find(({ served }) => served);
  if (!established || !version) return undefined;
  return {
    group: spec.group,
    version: version.name,
    plural: spec.names.plural,
    kind: spec.names.kind,
    namespaced: spec.scope === 'Namespaced',
  };
}

/** Caches of what no controller looks into: a cluster may have very many of these. Others share the informers of those who do. */
const METADATA: InformerScope = { metadataOnly: true };
const MANY = 'configmaps';

export interface AllKindsOptions {
  client: Client;
  informers: InformerFactory;
  clock: Clock;
  log: Logger;
}

interface Followed {
  resource: Resource;
  informer: Informer;
  stop: AbortController;
}

/** What the collector can look after. */
const isCollected = ({ verbs }: DiscoveredResource): boolean => ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb));

export class AllKinds {
  readonly #context: AllKindsOptions;
  readonly #signal: AbortSignal;
  /** By name of the definition, and by `plural.group` of extension servers. */
  readonly #custom = new Map<string, Followed>();
  readonly #remote = new Map<string, Followed>();
  readonly #aggregated: AggregatedKinds;
  readonly #builtIn: { resource: Resource; informer: Informer }[];
  readonly #listeners: ((informer: Informer, resource: Resource) => void)[] = [];

  /** `ready`: from then on there is time for custom kinds, of which there may be very many objects. */
  constructor(context: AllKindsOptions, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#signal = signal;
    this.#builtIn = builtInResources.map((resource) => ({
      resource,
      informer: context.informers.of(resource, 'optional', resource.plural === MANY ? METADATA : {}),
    }));
    const definitions = context.informers.of<CustomResourceDefinition>(RESOURCES.customresourcedefinitions, 'optional');
    void ready.then(() =>
      definitions.on({
        added: (crd) => this.#crdSeen(crd),
        updated: (_, crd) => this.#crdSeen(crd),
        deleted: (crd) => this.#unfollow(this.#custom, crd.metadata.name ?? ''),
      }),
    );
    this.#aggregated = new AggregatedKinds({ ...context, signal, changed: () => this.#remoteChanged() });
  }

  all(): { resource: Resource; informer: Informer }[] {
    return [...this.#builtIn, ...this.#custom.values(), ...this.#remote.values()];
  }

  /** Everything whose objects can be listed and deleted, watched or not; extension servers that are not there are left out. */
  deletable(): Resource[] {
    const local = [...this.#builtIn, ...this.#custom.values()].map(({ resource }) => resource);
    const remote = this.#aggregated.resources('reachable').filter(({ verbs }) => verbs.includes('list') && verbs.includes('delete'));
    return [...local, ...remote];
  }

  /** Extension servers of which nothing is known now: `group/version` -> why. */
  undiscovered(): ReadonlyMap<string, string> {
    return this.#aggregated.failures();
  }

  /** The resource of an owner reference; undefined: no such kind. Any version of the group will do. */
  find(group: string, kind: string): Resource | undefined {
    const isWanted = (resource: Resource): boolean => resource.group === group && resource.kind === kind;
    return this.all().find(({ resource }) => isWanted(resource))?.resource ?? this.#aggregated.resources().find(isWanted);
  }

  /** Resolves when the built-in kinds that are served have their first list. */
  async synced(): Promise<void> {
    await Promise.allSettled(this.#builtIn.map(({ informer }) => informer.synced));
  }

  /** Called for each informer, now and later. */
  each(listener: (informer: Informer, resource: Resource) => void): void {
    this.#listeners.push(listener);
    for (const { informer, resource } of this.all()) listener(informer, resource);
  }

  #crdSeen(crd: CustomResourceDefinition): void {
    const resource = customResource(crd);
    if (resource) this.#follow(this.#custom, crd.metadata.name ?? '', resource);
  }

  #remoteChanged(): void {
    const wanted = new Map(
      this.#aggregated
        .resources()
        .filter(isCollected)
        .map((resource) => [`${resource.plural}.${resource.group}`, resource]),
    );
    for (const name of this.#remote.keys()) if (!wanted.has(name)) this.#unfollow(this.#remote, name);
    for (const [name, resource] of wanted) this.#follow(this.#remote, name, resource);
  }

  #follow(followed: Map<string, Followed>, name: string, resource: Resource): void {
    const known = followed.get(name);
    if (known?.resource.version === resource.version) return;
    known?.stop.abort();
    const stop = new AbortController();
    const { client, clock, log } = this.#context;
    const informer = createInformer(client, resource, METADATA, {
      signal: AbortSignal.any([stop.signal, this.#signal]),
      clock,
      onError: (err) => log.debug({ err, resource: name }, 'watch of a kind that comes and goes'),
    });
    followed.set(name, { resource, informer, stop });
    for (const listener of this.#listeners) listener(informer, resource);
  }

  #unfollow(followed: Map<string, Followed>, name: string): void {
    followed.get(name)?.stop.abort();
    followed.delete(name);
  }
}
