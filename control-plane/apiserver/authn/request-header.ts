// A front proxy that has authenticated somebody says who it is in headers. It is believed for its own certificate, which its own authority signed.
import { unauthorized } from '../../../api/meta/index.ts';
import type { ApiRequest, UserInfo } from '../request.ts';

export interface FrontProxyTrust {
  /** Common name of the authority that signs front proxies' certificates and nothing else. */
  authority: string;
  /** Common names of the proxies that are believed. */
  names: readonly string[];
}

const EXTRA = 'x-remote-extra-';

/** Repeated headers arrive joined by a comma. */
const list = (header: string | undefined): string[] =>
  (header ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** The user of X-Remote-User, -Uid, -Group and -Extra-…; undefined when it names none. */
function userOfHeaders(headers: ApiRequest['headers']): UserInfo | undefined {
  const name = headers['x-remote-user']?.trim();
  if (!name) return undefined;
  const uid = headers['x-remote-uid']?.trim();
  const extra: Record<string, string[]> = {};
  for (const [key, value] of Object.entries(headers))
    if (key.startsWith(EXTRA) && value !== undefined) extra[decodeKey(key.slice(EXTRA.length))] = list(value);
  return {
    name,
    ...(uid ? { uid } : {}),
    groups: list(headers['x-remote-group']),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/**
 * The user that a front proxy speaks for; undefined when the connection is not one's. Its certificate is nobody's own identity.
 * @throws StatusError 401 for a certificate of the authority that is not believed, or that names nobody
 */
export function proxiedUser(
  { peer, headers }: Pick<ApiRequest, 'peer' | 'headers'>,
  trust: FrontProxyTrust | undefined,
): UserInfo | undefined {
  if (!peer || !trust || peer.issuer !== trust.authority) return undefined;
  const user = trust.names.includes(peer.commonName) ? userOfHeaders(headers) : undefined;
  if (!user) throw unauthorized();
  return user;
}
