// What a method and a path mean (upstream's RequestInfo).
import type { RequestInfo } from './request.ts';

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
/** Sub-resources of a namespace itself; anything else below it is a resource of the namespace. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const info: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path,
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    rest: '',
  };
  const parts = decode(path).split('/').slice(1);
  if (parts.at(-1) === '') parts.pop();
  let at: number;
  if (parts[0] === 'api' && parts.length >= 3) {
    info.version = parts[1]!;
    at = 2;
  } else if (parts[0] === 'apis' && parts.length >= 4) {
    info.group = parts[1]!;
    info.version = parts[2]!;
    at = 3;
  } else return info;

  info.isResource = true;
  info.verb = VERBS[method] ?? method.toLowerCase();
  let rest = parts.slice(at);
  if (rest[0] === 'watch' && rest.length > 1) {
    info.verb = 'watch';
    rest = rest.slice(1);
  }
  if (rest[0] === 'namespaces' && rest.length > 1) {
    info.namespace = rest[1]!;
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2]!)) rest = rest.slice(2);
  }
  info.resource = rest[0]!;
  info.name = rest.length > 1 ? rest[1]! : '';
  info.subresource = rest[2] ?? '';
  if (rest.length > 3) info.rest = restOf(path, parts.length - rest.length + 3);
  else if (rest.length === 3 && path.endsWith('/')) info.rest = '/';

  if (info.name === '' && info.verb === 'get') info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  if (info.name === '' && info.verb === 'delete') info.verb = 'deletecollection';
  if (info.name === '' && info.verb !== 'create') info.name = nameOf(query.get('fieldSelector'));
  return info;
}

/** Query booleans as upstream reads them: present and neither `false` nor `0`. */
export const isTrue = (value: string | null | undefined): boolean =>
  value !== null && value !== undefined && value !== 'false' && value !== '0';

/** Each % of a path begins an escape, and all together are UTF-8. */
export function isWellEscaped(path: string): boolean {
  if (!path.includes('%')) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** The path from its n-th part on, as it came (not decoded). */
function restOf(path: string, parts: number): string {
  let at = 0;
  for (let i = 0; i <= parts; i++) at = path.indexOf('/', at + (i === 0 ? 0 : 1));
  return at < 0 ? '' : path.slice(at);
}

/** A list or watch of one name is authorized as that name. */
function nameOf(fieldSelector: string | null): string {
  if (!fieldSelector?.includes('metadata.name')) return '';
  const found = fieldSelector.split(',').flatMap((term) => /^metadata\.name==?([^=!\\]+)$/.exec(term)?.[1] ?? []);
  return found.length === 1 ? found[0]! : '';
}

function decode(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
