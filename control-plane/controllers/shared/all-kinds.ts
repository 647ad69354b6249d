// Every kind of object that can be deleted, with a cache: built-in ones from the kind table, others as their CRDs come and go.
import type { CustomResourceDefinition } from '../../../api/gen/types/apiextensions.v1.ts';
import { kinds } from '../../../api/kinds/index.ts';
import { type Client, createInformer, type Informer, type InformerFactory, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import type { Clock, Logger } from '../../../kit/run/index.ts';

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

export interface AllKindsOptions {
  client: Client;
  informers: InformerFactory;
  clock: Clock;
  log: Logger;
}

export class AllKinds {
  readonly #context: AllKindsOptions;
  readonly #signal: AbortSignal;
  readonly #custom = new Map<string, { resource: Resource; informer: Informer; stop: AbortController }>();
  readonly #builtIn: { resource: Resource; informer: Informer }[];
  readonly #listeners: ((informer: Informer, resource: Resource) => void)[] = [];

  constructor(context: AllKindsOptions, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    this.#builtIn = builtInResources.map((resource) => ({ resource, informer: context.informers.of(resource, 'optional') }));
    context.informers.of<CustomResourceDefinition>(RESOURCES.customresourcedefinitions, 'optional').on({
      added: (crd) => this.#crdSeen(crd),
      updated: (_, crd) => this.#crdSeen(crd),
      deleted: (crd) => this.#crdGone(crd),
    });
  }

  all(): { resource: Resource; informer: Informer }[] {
    return [...this.#builtIn, ...this.#custom.values()];
  }

  /** The resource of an owner reference; undefined: no such kind. Any version of the group will do. */
  find(group: string, kind: string): Resource | undefined {
    return this.all().find(({ resource }) => resource.group === group && resource.kind === kind)?.resource;
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
    const name = crd.metadata.name ?? '';
    const known = this.#custom.get(name);
    if (!resource || known?.resource.version === resource.version) return;
    known?.stop.abort();
    const stop = new AbortController();
    const { client, clock, log } = this.#context;
    const informer = createInformer(
      client,
      resource,
      {},
      {
        signal: AbortSignal.any([stop.signal, this.#signal]),
        clock,
        onError: (err) => log.debug({ err, resource: name }, 'watch of custom resources'),
      },
    );
    this.#custom.set(name, { resource, informer, stop });
    for (const listener of this.#listeners) listener(informer, resource);
  }

  #crdGone(crd: CustomResourceDefinition): void {
    const name = crd.metadata.name ?? '';
    this.#custom.get(name)?.stop.abort();
    this.#custom.delete(name);
  }
}
