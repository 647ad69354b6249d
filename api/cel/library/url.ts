// Kubernetes' url(): absolute URLs and absolute paths, read as Go's net/url reads them.
import { NOMINAL, same, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { CelError } from '../problems.ts';
import { structOf } from '../types.ts';
import { Custom, list, mapFrom, type Value } from '../values.ts';

const URL_TYPE = structOf('kubernetes.URL');

class Url extends Custom {
  readonly type = URL_TYPE;
  readonly parts: Parts;
  readonly text: string;
  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }
  equals = (other: Custom): boolean => other instanceof Url && other.text === this.text;
}

interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

/** Throws CelError with Go's sentence. */
function parseUrl(text: string): Url {
  const failed = (why: string): CelError =>
    new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${why}`);
  if (text === '') throw failed('empty url');
  if (/[\x00-\x1f\x7f]/.test(text)) throw failed('net/url: invalid control character in URL');
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1] ?? '';
  if (!scheme && text.startsWith(':')) throw failed('missing protocol scheme');
  const [whole] = cut(text, '#');
  const [rest, query = ''] = cut(scheme ? whole.slice(scheme.length + 1) : whole, '?');
  if (!rest.startsWith('/')) {
    if (scheme) return new Url(text, { scheme: scheme.toLowerCase(), host: '', path: '', query });
    throw failed('invalid URI for request');
  }
  const badEscape = /%(?![\da-fA-F]{2}).{0,2}/.exec(rest)?.[0];
  if (badEscape !== undefined) throw failed(`invalid URL escape ${JSON.stringify(badEscape)}`);
  if (!rest.startsWith('//') || (!scheme && rest.startsWith('///')))
    return new Url(text, { scheme: scheme.toLowerCase(), host: '', path: rest, query });
  const [authority, path] = cut(rest.slice(2), '/');
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const wrong = hostProblem(host);
  if (wrong) throw failed(wrong);
  return new Url(text, { scheme: scheme.toLowerCase(), host, path: path === undefined ? '' : `/${path}`, query });
}

function cut(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + at.length)];
}

function hostProblem(host: string): string | undefined {
  if (host.startsWith('[') && !host.includes(']')) return "missing ']' in host";
  const port = /:([^\]]*)$/.exec(host.replace(/^\[.*\]/, ''));
  if (port && !/^\d*$/.test(port[1]!)) return `invalid port ${JSON.stringify(`:${port[1]}`)} after host`;
  const bad = /[ <>"\\^`{|}]/.exec(host)?.[0];
  return bad && `invalid character ${JSON.stringify(bad)} in host name`;
}

const hostname = ({ parts }: Url): string => parts.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
const port = ({ parts }: Url): string => /:(\d*)$/.exec(parts.host.replace(/^\[.*\]/, ''))?.[1] ?? '';

function query({ parts }: Url): Value {
  const values = new Map<string, Value[]>();
  for (const [key, value] of new URLSearchParams(parts.query)) {
    const found = values.get(key);
    if (found) found.push(value);
    else values.set(key, [value]);
  }
  return mapFrom([...values].map(([key, found]) => [key, list(found)] as const));
}

function isUrl(text: string): boolean {
  try {
    parseUrl(text);
    return true;
  } catch {
    return false;
  }
}

const declare = declarer({ URL: URL_TYPE });
export const urls: readonly Overload[] = [
  declare('url(string) URL', parseUrl, traversal(0, 1, same)),
  declare('URL::getScheme() string', ({ parts }: Url) => parts.scheme, NOMINAL),
  declare('URL::getHost() string', ({ parts }: Url) => parts.host, NOMINAL),
  declare('URL::getHostname() string', hostname, NOMINAL),
  declare('URL::getPort() string', port, NOMINAL),
  declare('URL::getEscapedPath() string', ({ parts }: Url) => parts.path, NOMINAL),
  declare('URL::getQuery() map<string, list<string>>', query, NOMINAL),
  declare('isURL(string) bool', isUrl),
];
