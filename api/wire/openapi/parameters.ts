// Query and path parameters of operations, each with its meaning.
import type { Descriptions } from './description.ts';
import type { Json } from './schemas.ts';

const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

interface Known {
  type: 'string' | 'integer' | 'boolean';
  /** Where the field of the same name is documented. */
  documentedIn?: string;
  words?: string;
}

const string = (words: string): Known => ({ type: 'string', words });
const boolean = (words: string): Known => ({ type: 'boolean', words });
const integer = (words: string): Known => ({ type: 'integer', words });
const ofDelete = (type: Known['type']): Known => ({ type, documentedIn: DELETE_OPTIONS });

const KNOWN: Readonly<Record<string, Known>> = {
  allowWatchBookmarks: boolean('A watch may send events of type BOOKMARK, which say how far it has come.'),
  continue: string('Of the answer before: asks for the next part of a list. Not for watches.'),
  dryRun: ofDelete('string'),
  fieldManager: string('Who makes this change: at most 128 printable characters. Server-side apply needs it.'),
  fieldSelector: string('A selector to restrict the list of returned objects by their fields. Defaults to everything.'),
  fieldValidation: string('What unknown and duplicate fields cause: nothing (Ignore), a warning (Warn, the default) or an error (Strict).'),
  force: boolean('Server-side apply takes over fields that others own. Not for other patches.'),
  gracePeriodSeconds: ofDelete('integer'),
  ignoreStoreReadErrorWithClusterBreakingPotential: ofDelete('boolean'),
  labelSelector: string('A selector to restrict the list of returned objects by their labels. Defaults to everything.'),
  limit: integer('At most so many objects are returned; `continue` in the list asks for those that follow. Not for watches.'),
  orphanDependents: ofDelete('boolean'),
  pretty: string("If 'true', then the output is pretty printed."),
  propagationPolicy: ofDelete('string'),
  resourceVersion: string('How new the answer must be.'),
  resourceVersionMatch: string('How resourceVersion is meant: NotOlderThan or Exact.'),
  sendInitialEvents: boolean(
    'A watch begins with the objects that are there now, then a bookmark with the annotation k8s.io/initial-events-end.',
  ),
  timeoutSeconds: integer(
    'Timeout for the list/watch call. This limits the duration of the call, regardless of any activity or inactivity.',
  ),
  watch: boolean('The changes as they happen, instead of a list.'),
};

const LIST = [
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
];
const DELETE = [
  'dryRun',
  'gracePeriodSeconds',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'orphanDependents',
  'propagationPolicy',
];
const WRITE = ['dryRun', 'fieldManager', 'fieldValidation'];

/** Names of the query parameters by action. */
export const QUERY: Readonly<Record<string, readonly string[]>> = {
  list: ['allowWatchBookmarks', ...LIST, 'watch'],
  deletecollection: [...DELETE, ...LIST],
  delete: DELETE,
  post: WRITE,
  put: WRITE,
  patch: [...WRITE, 'force'],
};

export const pathParameter = (name: string, description: string): Json => ({
  name,
  in: 'path',
  description,
  required: true,
  schema: { type: 'string', uniqueItems: true },
});

/** A parameter that the server understands by this name; others (of exec, log, ...) are given their type. */
export function queryParameter(name: string, descriptions: Descriptions, type?: string): Json {
  const known = type === undefined ? KNOWN[name] : undefined;
  const description = known?.words ?? (known?.documentedIn && descriptions(known.documentedIn)?.fields?.[name]);
  return {
    name,
    in: 'query',
    ...(description ? { description } : {}),
    schema: { type: type ?? known?.type ?? 'string', uniqueItems: true },
  };
}

export const namespaceParameter = pathParameter('namespace', 'object name and auth scope, such as for teams and projects');

const nameOf = (parameter: Json): string => String(parameter['name']);
const sorted = (parameters: Json[]): Json[] => [...parameters].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

/** What all operations of a path have in common stands beside them, once. */
export function hoisted(operations: Record<string, Json>, own: readonly Json[]): Json {
  const lists = Object.values(operations).map((operation) => (operation['parameters'] ?? []) as Json[]);
  const common = lists[0]!.filter((one) => lists.every((list) => list.some((other) => nameOf(other) === nameOf(one))));
  const taken = new Set(common.map(nameOf));
  const path: Json = { parameters: sorted([...own, ...common]) };
  for (const [method, { parameters, ...operation }] of Object.entries(operations)) {
    const rest = ((parameters ?? []) as Json[]).filter((one) => !taken.has(nameOf(one)));
    path[method] = rest.length > 0 ? { ...operation, parameters: sorted(rest) } : operation;
  }
  return path;
}
