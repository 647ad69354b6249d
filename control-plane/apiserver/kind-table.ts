// The kinds that are served now: the built-in ones and those of CRDs.
import { schemaOf } from '../../api/gen/index.ts';
import { kinds as builtIn, type Kind, metricsKinds, type ResourceNames } from '../../api/kinds/index.ts';
import type { KubeObject, Schema } from '../../api/meta/index.ts';
import type { CustomSchema, SwaggerPart } from '../../api/wire/index.ts';

export interface ServedKind {
  kind: Kind;
  schema: Schema | undefined;
  /** Of a CustomResourceDefinition. */
  custom: boolean;
  /** Stored under these names (its own unless another version or group stores it). */
  resource: { group: string; plural: string };
  /** Of custom kinds: their structure as OpenAPI documents show it. */
  openApi?: CustomSchema;
  customPart?: CustomPart;
}

/** What only kinds of a CustomResourceDefinition have. */
export interface CustomPart {
  /** Text of the Warning header that each request gets. */
  deprecation?: string;
  /** The definition is being deleted: nothing new is let in. */
  terminating: boolean;
  /** What decoding does in place: unknown fields out, embedded metadata read. Answers the paths of what went; throws MalformedError. */
  coerce(object: Record<string, unknown>, keepNulls: boolean): string[];
  /** There when versions are converted by a webhook: objects of any version in the wanted one, in their order. Copies. */
  convert?(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
  /** The stored object as this version shows it; the very object when nothing differs. With `prepare`, it must be prepared before. */
  view(object: KubeObject): KubeObject;
  /** The form that is stored. Rejects when a conversion webhook fails. */
  stored(object: KubeObject): Promise<KubeObject>;
  /** There when a webhook converts. */
  prepare?(objects: readonly KubeObject[]): Promise<void>;
}

/** A group and version that an extension server serves. */
export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  readonly groupPriorityMinimum: number;
  readonly versionPriority: number;
  /** As last heard. */
  readonly names: readonly ResourceNames[];
  /** Its entry in the index of OpenAPI documents, if it has one. */
  readonly openApi?: object | undefined;
  /** It does not answer now. */
  readonly stale: boolean;
  /** Its part of OpenAPI v2, if it has one. */
  swagger(): Promise<{ hash: string; part: SwaggerPart } | undefined>;
}

export class KindTable {
  readonly #byPlural = new Map<string, ServedKind>();
  readonly #byKind = new Map<string, ServedKind>();
  readonly #listeners = new Set<() => void>();
  readonly #equivalents = new Map<string, readonly Kind[]>();
  #remote: readonly RemoteVersion[] = [];
  /** Rises with each change; part of discovery's cache key. */
  generation = 1;

  constructor(kinds: readonly Kind[] = [...builtIn, ...metricsKinds]) {
    for (const kind of kinds)
      this.#add({
        kind,
        schema: schemaOf(kind),
        custom: false,
        resource: { group: kind.storage?.group ?? kind.group, plural: kind.plural },
      });
  }

  find(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#byPlural.get(`${group}/${version}/${plural}`);
  }

  byKind(group: string, version: string, kind: string): ServedKind | undefined {
    return this.#byKind.get(`${group}/${version}/${kind}`);
  }

  all(): ServedKind[] {
    return [...this.#byPlural.values()];
  }

  /** Other versions and groups in which the same stored objects are served. */
  equivalentsOf(kind: Kind): readonly Kind[] {
    const key = `${kind.group}/${kind.version}/${kind.plural}`;
    let found = this.#equivalents.get(key);
    if (found === undefined) {
      const own = this.#byPlural.get(key)?.resource;
      const same = ({ resource }: ServedKind) => own !== undefined && resource.group === own.group && resource.plural === own.plural;
      found = this.all()
        .filter((served) => same(served) && served.kind !== kind)
        .map((served) => served.kind);
      this.#equivalents.set(key, found);
    }
    return found;
  }

  /** All versions of a resource that is served. */
  versions(group: string, plural: string): ServedKind[] {
    return this.all().filter((served) => served.kind.group === group && served.kind.plural === plural);
  }

  /** Puts in (replaces) or takes out custom kinds of one group and plural. */
  setCustom(group: string, plural: string, served: readonly ServedKind[]): void {
    for (const old of this.versions(group, plural)) {
      this.#byPlural.delete(`${group}/${old.kind.version}/${plural}`);
      this.#byKind.delete(`${group}/${old.kind.version}/${old.kind.kind}`);
    }
    for (const kind of served) this.#add(kind);
    this.generation++;
    this.#equivalents.clear();
    for (const listener of this.#listeners) listener();
  }

  /** What extension servers serve, in place of what was said before. It is in discovery alone: their requests are passed on. */
  setRemote(remote: readonly RemoteVersion[]): void {
    this.#remote = remote;
    this.generation++;
  }

  get remote(): readonly RemoteVersion[] {
    return this.#remote;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #add(served: ServedKind): void {
    const { group, version, plural, kind } = served.kind;
    this.#byPlural.set(`${group}/${version}/${plural}`, served);
    this.#byKind.set(`${group}/${version}/${kind}`, served);
  }
}
