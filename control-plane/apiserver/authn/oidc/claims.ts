// From the claims of a verified token to a user. Pure; the texts are those that TokenReview shows.
import type { UserInfo } from '../../request.ts';
import type { Claims } from '../jwt.ts';
import type { JwtIssuer } from './configuration.ts';

/** Clocks may differ: a token is taken a little before its time. */
const NOT_BEFORE_LEEWAY_SECONDS = 300;
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

const goList = (items: readonly string[]): string => `[${items.map((item) => JSON.stringify(item)).join(' ')}]`;

const listOf = (claim: unknown): string[] | undefined => {
  if (typeof claim === 'string') return [claim];
  return Array.isArray(claim) && claim.every((item) => typeof item === 'string') ? (claim as string[]) : undefined;
};

/** Why the token may not be used here and now; undefined when it may. */
export function validityProblem(claims: Claims, issuer: JwtIssuer, nowSeconds: number): string | undefined {
  const audiences = listOf(claims['aud']) ?? [];
  if (!audiences.some((one) => issuer.audiences.includes(one)))
    return `oidc: verify token: oidc: expected audience in ${goList(issuer.audiences)} got ${goList(audiences)}`;
  const { exp, nbf } = claims;
  if (typeof exp !== 'number' || nowSeconds > exp)
    return `oidc: verify token: oidc: token is expired (Token Expiry: ${typeof exp === 'number' ? new Date(exp * 1000).toISOString() : 'none'})`;
  if (typeof nbf === 'number' && nowSeconds + NOT_BEFORE_LEEWAY_SECONDS < nbf)
    return `oidc: verify token: oidc: current time ${new Date(nowSeconds * 1000).toISOString()} before the nbf (not before) time: ${new Date(nbf * 1000).toISOString()}`;
  return undefined;
}

/** A claim that must be a text; `own` properties only, as the provider names the claims. */
const claimOf = (claims: Claims, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

function usernameOf(claims: Claims, { username: { claim, prefix } }: JwtIssuer): { name: string } | { problem: string } {
  const value = claimOf(claims, claim);
  if (value === undefined) return { problem: `oidc: parse username claims ${JSON.stringify(claim)}: claim not present` };
  if (typeof value !== 'string') return { problem: `oidc: parse username claims ${JSON.stringify(claim)}: claim is no text` };
  if (claim === 'email') {
    // An address that nobody has checked says nothing; without the claim the provider is trusted to have checked it.
    const verified = claimOf(claims, 'email_verified');
    if (verified !== undefined && verified !== true) return { problem: 'oidc: email not verified' };
  }
  if (value === '') return { problem: 'oidc: username claim is empty' };
  return { name: prefix + value };
}

/** The user behind the claims, or why there is none. */
export function userOfOidcClaims(claims: Claims, issuer: JwtIssuer): UserInfo | string {
  const username = usernameOf(claims, issuer);
  if ('problem' in username) return username.problem;
  const groups: string[] = [];
  if (issuer.groups) {
    const { claim, prefix } = issuer.groups;
    const value = claimOf(claims, claim);
    const list = value === undefined ? [] : listOf(value);
    if (list === undefined) return `oidc: parse groups claim ${JSON.stringify(claim)}: claim is neither a text nor a list of texts`;
    groups.push(...list.map((group) => prefix + group));
  }
  for (const { claim, value } of issuer.requiredClaims) {
    const actual = claimOf(claims, claim);
    if (actual === undefined) return `oidc: required claim ${claim} not present in ID token`;
    if (actual !== value)
      return `oidc: required claim ${claim} value does not match. Got = ${typeof actual === 'string' ? actual : JSON.stringify(actual)}, want = ${value}`;
  }
  const uid = issuer.uidClaim === undefined ? undefined : claimOf(claims, issuer.uidClaim);
  if (uid !== undefined && typeof uid !== 'string')
    return `oidc: error evaluating uid claim expression: claim ${issuer.uidClaim} is no text`;
  const jti = claims['jti'];
  return {
    name: username.name,
    groups,
    ...(uid ? { uid } : {}),
    ...(typeof jti === 'string' && jti !== '' ? { extra: { [CREDENTIAL_ID]: [`JTI=${jti}`] } } : {}),
  };
}
