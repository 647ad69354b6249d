// What the server knows of one kind: data and small pure functions. No per-kind code lives outside api/kinds.
import type { KubeObject, Problem } from '../meta/index.ts';

export type { Problem };

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'date' | 'number' | 'boolean';
  format?: string;
  description?: string;
  /** 0 always shown, 1 with -o wide. */
  priority?: number;
  /** `nowMs` is milliseconds since the epoch, for ages. */
  of(object: KubeObject, nowMs: number): string | number | boolean | null;
}

export interface Subresource {
  /** `status`, `scale`, `binding`, `log`, ... */
  name: string;
  verbs: readonly string[];
  /** Kind of the body when it is not the parent's (Scale, Binding, Eviction, TokenRequest ...). */
  responseKind?: { group: string; version: string; kind: string };
}

/** The names of a resource as discovery gives them. */
export interface ResourceNames {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  namespaced: boolean;
  shortNames: readonly string[];
  categories: readonly string[];
  verbs: readonly string[];
  subresources: readonly Subresource[];
}

/** How a kind behaves in the verbs. All functions are pure; they may change the object that they are given, never the old one. */
export interface Behaviour {
  /** Fills defaults in place (create, update, and read of old objects). */
  defaults?(object: KubeObject): void;
  /** Before validation of a create: wipe status (the server does it for kinds with a status sub-resource), set what the server owns. */
  prepareForCreate?(object: KubeObject): void;
  /** What a create says of status is kept (nodes tell it when they register). Default false: status is wiped. */
  statusOnCreate?: boolean;
  /** Before validation of an update of the main resource: keep status and what may not be changed silently. */
  prepareForUpdate?(object: KubeObject, old: KubeObject): void;
  /** Of the whole object but its metadata, which the server checks for all kinds. Called on create, and on an update with `old`, so that what was let in once may stay. */
  validate?(object: KubeObject, old?: KubeObject): Problem[];
  /** Called on an update after `validate`: what may not change. */
  validateUpdate?(object: KubeObject, old: KubeObject): Problem[];
  /** For PUT/PATCH on a sub-resource, by name (`now`: RFC 3339, whole seconds); absent: `status` keeps all but status from the old object. */
  subresourceUpdate?: Record<string, (object: KubeObject, old: KubeObject, now: string) => void>;
  validateSubresource?: Record<string, (object: KubeObject, old: KubeObject) => Problem[]>;
  warnings?(object: KubeObject, old?: KubeObject): string[];
  /** Sent as a Warning with every answer about the kind. */
  deprecation?: string;
  /** DNS rule of metadata.name; default `subdomain`. */
  nameRule?: 'subdomain' | 'label' | 'dns1035' | 'path-segment' | ((name: string) => string[]);
  /** PUT without resourceVersion allowed (default true). */
  unconditionalUpdate?: boolean;
  /** PUT of an absent object creates it (default false). */
  createOnUpdate?: boolean;
  /** metadata.generation is kept (default: when the schema has both spec and status). */
  hasGeneration?: boolean;
  /** What raises metadata.generation beside spec; default `spec` alone. */
  generationFields?: readonly string[];
  /** Whether the generation rises, for kinds whose rule is no list of fields (custom resources). */
  specChanged?(object: KubeObject, old: KubeObject): boolean;
  /** Grace period of a delete in seconds (pods); undefined: immediate. */
  gracePeriodSeconds?(object: KubeObject, requested: number | undefined): number | undefined;
  /** Propagation when a DELETE names none. */
  defaultPropagation?: 'Background' | 'Orphan' | 'Foreground';
  /** Selectable fields beyond metadata.name and metadata.namespace. */
  fieldSelectors?: Record<string, (object: KubeObject) => string>;
  columns?: readonly Column[];
  /** Where it is stored, when another version of it is the stored one (autoscaling/v1 in v2, events.k8s.io in core). */
  storage?: { group: string; version: string; toStored(object: KubeObject): KubeObject; fromStored(object: KubeObject): KubeObject };
  /** Seconds after which an object is removed (events). */
  ttlSeconds?: number;
  /** Virtual kinds (reviews, Binding): nothing is stored, the apiserver has a handler of that name. */
  virtual?: boolean;
  /** Selector and replicas fields for /scale. */
  scale?: { specReplicas: string; statusReplicas: string; selector(object: KubeObject): string };
}

export interface Kind extends ResourceNames, Behaviour {
  /** Kind of its lists; default: the kind's name and `List`. */
  listKind?: string;
}
