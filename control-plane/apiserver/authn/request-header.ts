// A front proxy that has authenticated somebody says who it is in headers. It is believed for its own certificate, which its own authority signed.
import { unauthorized } from '../../../api/meta/index.ts';
import type { ApiRequest, UserInfo } from '../request.ts';
import { extraValues, type Headers, headerValues } from './header-values.ts';

export interface FrontProxyTrust {
  /** Common name of the authority that signs front proxies' certificates and nothing else. */
  authority: string;
  /** Common names of the proxies that are believed. */
  names: readonly string[];
}

/** The user of X-Remote-User, -Uid, -Group and -Extra-…; undefined when it names none. */
function userOfHeaders(headers: Headers): UserInfo | undefined {
  const found = headerValues(headers, 'x-remote-');
  const [name] = found.get('x-remote-user') ?? [];
  if (!name) return undefined;
  const [uid] = found.get('x-remote-uid') ?? [];
  const extra = extraValues(found, 'x-remote-extra-');
  return {
    name,
    ...(uid ? { uid } : {}),
    groups: (found.get('x-remote-group') ?? []).filter((group) => group !== ''),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/**
 * The user that a front proxy speaks for; undefined when the connection is not one's. Its certificate is nobody's own identity.
 * @throws StatusError 401 for a certificate of the authority that is not believed, or that names nobody
 */
export function proxiedUser(request: Headers & Pick<ApiRequest, 'peer'>, trust: FrontProxyTrust | undefined): UserInfo | undefined {
  const { peer } = request;
  if (!peer || !trust || peer.issuer !== trust.authority) return undefined;
  const user = trust.names.includes(peer.commonName) ? userOfHeaders(request) : undefined;
  if (!user) throw unauthorized();
  return user;
}
