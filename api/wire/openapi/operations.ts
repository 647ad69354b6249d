// One operation of OpenAPI v3: its name, body and answers.
import type { GroupVersionKind } from '../../meta/index.ts';
import type { Descriptions } from './description.ts';
import { QUERY, queryParameter } from './parameters.ts';
import { type Json, reference } from './schemas.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export const BUILT_IN_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const CUSTOM_TYPES = ['application/json', 'application/yaml'];
const WATCH_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const PATCHES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

export const statusReference = reference(`${META}.Status`);
const deleteOptions = reference(`${META}.DeleteOptions`);
const patchBody = reference(`${META}.Patch`);

const CODES: Readonly<Record<string, readonly number[]>> = {
  post: [200, 201, 202],
  put: [200, 201],
  patch: [200, 201],
  delete: [200, 202],
};
const WORDS: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const content = (schema: Json, types: readonly string[]): Json => Object.fromEntries(types.map((type) => [type, { schema }]));

const upper = (text: string): string => (text[0] ?? '').toUpperCase() + text.slice(1);

/** `rbacAuthorization` for rbac.authorization.k8s.io, `core` for the core group. */
export const groupWord = (group: string): string =>
  group
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map((part, i) => (i === 0 ? part : upper(part)))
    .join('') || 'core';

/** Of a document's operations: whose paths they are. */
export interface Owner {
  group: string;
  version: string;
  /** Strategic merge patches and protobuf are taken. */
  builtIn: boolean;
  descriptions: Descriptions;
}

export interface Operation {
  /** `list`, `get`, `post`, `put`, `patch`, `delete`, `deletecollection`, `connect` */
  action: string;
  /** Without the group and version: `patchNamespacedPod`. */
  id: string;
  description: string;
  gvk: GroupVersionKind;
  answer: Json;
  /** Of post and put. */
  body?: Json;
  /** Instead of those that the action has. */
  parameters?: Json[];
}

/** `patchCoreV1NamespacedPod`: the verb, the group and version, then the rest. */
function operationId(id: string, { group, version }: Owner): string {
  const [, verb = '', rest = ''] = /^([a-z]+)(.*)$/.exec(id) ?? [];
  return `${verb}${upper(groupWord(group))}${upper(version)}${rest}`;
}

function bodyOf({ action, body }: Operation, builtIn: boolean): Json | undefined {
  switch (action) {
    case 'post':
    case 'put':
      return body && { content: content(body, ['*/*']), required: true };
    case 'patch':
      return {
        content: content(
          patchBody,
          PATCHES.filter((type) => builtIn || !type.includes('strategic')),
        ),
        required: true,
      };
    case 'delete':
    case 'deletecollection':
      return { content: content(deleteOptions, ['*/*']) };
    default:
      return undefined;
  }
}

export function operation(owner: Owner, one: Operation): Json {
  const { action, gvk } = one;
  const types = owner.builtIn ? BUILT_IN_TYPES : CUSTOM_TYPES;
  const answered = action === 'connect' ? ['*/*'] : action === 'list' && owner.builtIn ? [...types, ...WATCH_TYPES] : types;
  const requestBody = bodyOf(one, owner.builtIn);
  const responses: Json = {};
  for (const code of CODES[action] ?? [200]) responses[code] = { description: WORDS[code], content: content(one.answer, answered) };
  return {
    tags: [`${groupWord(owner.group)}_${owner.version}`],
    description: one.description,
    operationId: operationId(one.id, owner),
    parameters: one.parameters ?? (QUERY[action] ?? []).map((name) => queryParameter(name, owner.descriptions)),
    ...(requestBody ? { requestBody } : {}),
    responses: { ...responses, 401: { description: 'Unauthorized' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: gvk.group, version: gvk.version, kind: gvk.kind },
  };
}
