// Entry of authn/oidc: tokens of other issuers (OpenID Connect), each with its keys and what its claims mean.
import type { Clock } from '../../../../kit/run/index.ts';
import type { UserInfo } from '../../request.ts';
import { isSignedBy, parseToken } from '../jwt.ts';
import { userOfOidcClaims, validityProblem } from './claims.ts';
import type { JwtIssuer } from './configuration.ts';
import { KeySet } from './key-set.ts';

export { type AnonymousConfig, issuerOfFlags, type JwtIssuer, type OidcFlags, parseAuthenticationConfig } from './configuration.ts';

/** The user of a token; why it is refused; or undefined for a token of somebody else's. */
export type OidcResult = { user: UserInfo } | { error: string } | undefined;

export function createOidc(issuers: readonly JwtIssuer[], clock: Clock): (token: string) => Promise<OidcResult> {
  const known = new Map(issuers.map((issuer) => [issuer.url, { issuer, keys: new KeySet(issuer, clock) }]));
  return async (token) => {
    const parsed = parseToken(token);
    const found = parsed && known.get(String(parsed.claims['iss']));
    if (!parsed || !found) return undefined;
    const { issuer, keys } = found;
    if (!issuer.algorithms.includes(parsed.algorithm))
      return {
        error: `oidc: verify token: oidc: id token signed with unsupported algorithm, expected ${JSON.stringify(issuer.algorithms)} got ${JSON.stringify(parsed.algorithm)}`,
      };
    const problem = validityProblem(parsed.claims, issuer, clock.nowMs() / 1000);
    if (problem) return { error: problem };
    try {
      const candidates = await keys.keysFor(parsed.keyId);
      if (!candidates.some(({ key }) => isSignedBy(parsed, key)))
        return { error: 'oidc: verify token: failed to verify signature: failed to verify id token signature' };
    } catch (error) {
      return { error: `oidc: authenticator for issuer ${JSON.stringify(issuer.url)} is not initialized: ${(error as Error).message}` };
    }
    const user = userOfOidcClaims(parsed.claims, issuer);
    return typeof user === 'string' ? { error: user } : { user };
  };
}
