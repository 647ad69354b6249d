// Who asks, as headers that an extension server believes because the front proxy's certificate comes with them.
import { headerText } from '../authn/index.ts';
import type { UserInfo } from '../request.ts';

/** `X-Remote-Extra-` + key: what a header's name may not carry is escaped as in a URL. */
const headerKey = (key: string): string => key.toLowerCase().replace(/[^a-z0-9!#$&'*+\-.^_`|~]/g, (char) => encodeURIComponent(char));

export function userHeaders({ name, uid, groups, extra }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': headerText(name) };
  if (uid) headers['x-remote-uid'] = headerText(uid);
  if (groups.length > 0) headers['x-remote-group'] = groups.map(headerText);
  for (const [key, values] of Object.entries(extra ?? {}))
    if (values.length > 0) headers[`x-remote-extra-${headerKey(key)}`] = values.map(headerText);
  return headers;
}

/** Clients cannot say who they are in the proxy's name. */
export const withoutIdentity = (headers: Record<string, string | undefined>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-remote-')));
