// OpenAPI v2 documents of extension servers in the server's own (kube-openapi's aggregator): their paths, and the definitions these need.
import { deepEqual } from '../../meta/index.ts';
import type { Json } from './schemas.ts';
import type { SwaggerPiece } from './swagger.ts';

/** What is taken of one document. */
export interface SwaggerPart {
  paths: Json;
  definitions: Json;
}

const DEFINITION = '#/definitions/';
const PARAMETER = '#/parameters/';
const GVKS = 'x-kubernetes-group-version-kind';

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const objectOf = (value: unknown): Json => (isObject(value) ? value : {});

/** A copy in which every reference is what `of` makes of it. */
function withReferences(value: unknown, of: (reference: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, of));
  if (!isObject(value)) return value;
  if (typeof value['$ref'] === 'string') {
    const made = of(value['$ref']);
    return typeof made === 'string' ? { ...value, $ref: made } : made;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withReferences(inner, of)]));
}

/** The paths below `prefix` with their shared parameters put in, and all definitions that they lead to. `document` may be anybody's. */
export function swaggerPart(document: unknown, prefix: string): SwaggerPart {
  const { paths, definitions, parameters } = objectOf(document);
  const known = objectOf(definitions);
  const shared = objectOf(parameters);
  const needed: Json = {};
  const take = (reference: string): unknown => {
    if (reference.startsWith(PARAMETER)) return withReferences(shared[reference.slice(PARAMETER.length)] ?? {}, take);
    const name = reference.slice(DEFINITION.length);
    if (!Object.hasOwn(needed, name) && Object.hasOwn(known, name)) {
      needed[name] = {}; // it may lead to itself
      needed[name] = withReferences(known[name], take);
    }
    return reference;
  };
  const wanted = Object.entries(objectOf(paths)).filter(([path, item]) => path.startsWith(prefix) && isObject(item));
  return { paths: withReferences(Object.fromEntries(wanted), take) as Json, definitions: needed };
}

const withoutKinds = ({ [GVKS]: _, ...rest }: Json): Json => rest;

/** The same type, for more kinds than before. */
function withKindsOf(one: Json, other: Json): Json {
  const own = (one[GVKS] ?? []) as Json[];
  const more = ((other[GVKS] ?? []) as Json[]).filter((kind) => !own.some((known) => deepEqual(known, kind)));
  return more.length === 0 ? one : { ...one, [GVKS]: [...own, ...more] };
}

/** Takes the part's definitions over; another type of a known name gets a name of its own (`Name_v2`). Returns its paths. */
function merge(into: Json, { paths, definitions }: SwaggerPart): Json {
  const renamed = new Map<string, string>();
  const isSame = (name: string, definition: Json): boolean => deepEqual(withoutKinds(objectOf(into[name])), withoutKinds(definition));
  for (const [name, definition] of Object.entries(definitions)) {
    if (!Object.hasOwn(into, name) || isSame(name, objectOf(definition))) continue;
    let number = 2;
    while (Object.hasOwn(into, `${name}_v${number}`) && !isSame(`${name}_v${number}`, objectOf(definition))) number++;
    renamed.set(name, `${name}_v${number}`);
  }
  const reference = (old: string): string => {
    const name = renamed.get(old.slice(DEFINITION.length));
    return name === undefined ? old : DEFINITION + name;
  };
  for (const [name, definition] of Object.entries(definitions)) {
    const chosen = renamed.get(name) ?? name;
    const present = Object.hasOwn(into, chosen) ? objectOf(into[chosen]) : undefined;
    into[chosen] = present ? withKindsOf(present, objectOf(definition)) : withReferences(definition, reference);
  }
  return withReferences(paths, reference) as Json;
}

/** The server's own document with those of others, in their order: a path that is there already stays as it is. */
export function* mergedSwagger(own: Iterable<SwaggerPiece>, others: readonly SwaggerPart[]): Generator<SwaggerPiece> {
  const definitions: Json = {};
  const paths = new Set<string>();
  for (const piece of own) {
    if ('definitions' in piece) Object.assign(definitions, piece.definitions);
    else yield piece;
    if ('paths' in piece) for (const path of Object.keys(piece.paths)) paths.add(path);
  }
  for (const other of others) {
    const found = Object.entries(merge(definitions, other)).filter(([path]) => !paths.has(path));
    for (const [path] of found) paths.add(path);
    if (found.length > 0) yield { paths: Object.fromEntries(found) };
  }
  yield { definitions };
}
