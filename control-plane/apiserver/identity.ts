// Who the parts of this process are to the API server: the users that upstream's own programs have.
import { AUTHENTICATED, parseServiceAccountUserName, serviceAccountGroups } from './authn/index.ts';
import { MASTERS } from './authz/index.ts';
import { VERSION } from './documents.ts';
import type { UserInfo } from './request.ts';

/** The server itself. */
export const SELF: UserInfo = { name: 'system:apiserver', groups: [MASTERS, AUTHENTICATED] };

/** `name` as audit logs and policies show it: system:apiserver, a service account's, or that of a client certificate. */
export function identityOf(name: string): UserInfo {
  if (name === SELF.name) return SELF;
  const account = parseServiceAccountUserName(name);
  return { name, groups: [...(account ? serviceAccountGroups(account.namespace) : []), AUTHENTICATED] };
}

/** What client-go's programs call themselves; a controller adds its service account. */
export const userAgentOf = (program: string, { name }: UserInfo): string =>
  [`${program}/${VERSION.gitVersion} (linux/${process.arch === 'x64' ? 'amd64' : process.arch}) kubernetes/unknown`]
    .concat(parseServiceAccountUserName(name) ? [name] : [])
    .join('/');
