// Headers that say who somebody is: each of their lines is a value of its own, in UTF-8. Node joins lines by commas, which values may
// hold (LDAP's names do), and takes bytes for Latin-1.
import { isUtf8 } from 'node:buffer';
import type { ApiRequest } from '../request.ts';

export type Headers = Pick<ApiRequest, 'headers' | 'rawHeaders'>;

const ASCII = /^[\x00-\x7f]*$/;

/** The text that the bytes of a value stand for. */
function textOf(value: string): string {
  if (ASCII.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

/** The same the other way: a value whose bytes are the text's. */
export const headerText = (text: string): string => (ASCII.test(text) ? text : Buffer.from(text).toString('latin1'));

function* linesOf({ headers, rawHeaders }: Headers): Generator<readonly [string, string]> {
  if (rawHeaders) for (let at = 0; at + 1 < rawHeaders.length; at += 2) yield [rawHeaders[at]!.toLowerCase(), rawHeaders[at + 1]!];
  else for (const [name, value] of Object.entries(headers)) if (value !== undefined) yield [name, value];
}

/** Values by name, in the order in which they came, of the headers whose names begin so (in lower case). */
export function headerValues(request: Headers, prefix: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [name, value] of linesOf(request)) {
    if (!name.startsWith(prefix)) continue;
    const values = found.get(name);
    if (values) values.push(textOf(value));
    else found.set(name, [textOf(value)]);
  }
  return found;
}

/** Values under the keys that follow `prefix` in the headers' names, where characters are escaped as in a URL. */
export function extraValues(found: ReadonlyMap<string, readonly string[]>, prefix: string): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [name, values] of found) if (name.startsWith(prefix)) (extra[decodeKey(name.slice(prefix.length))] ??= []).push(...values);
  return extra;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
