// From the claims of a verified token to a user. Pure; the texts are those that TokenReview shows.
import type { UserInfo } from '../../request.ts';
import type { Claims } from '../jwt.ts';
import type { JwtIssuer, Rule } from './configuration.ts';
import { holdsForClaims, holdsForUser, textFrom, textsFrom } from './expressions.ts';

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

/** Thrown inside this file only: why there is no user. */
class Refused extends Error {}

/** What an expression says, its failure in the words of the part that it is for. */
function evaluated<T>(part: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Refused(`oidc: error evaluating ${part}: ${(error as Error).message}`);
  }
}

function usernameOf(claims: Claims, { username }: JwtIssuer): string {
  if ('program' in username) {
    const name = evaluated('username claim expression', () => textFrom(username.program, claims));
    if (name === '') throw new Refused('oidc: username claim expression returned empty string');
    return name;
  }
  const { claim, prefix } = username;
  const value = claimOf(claims, claim);
  if (value === undefined) throw new Refused(`oidc: parse username claims ${JSON.stringify(claim)}: claim not present`);
  if (typeof value !== 'string') throw new Refused(`oidc: parse username claims ${JSON.stringify(claim)}: claim is no text`);
  if (claim === 'email') {
    // An address that nobody has checked says nothing; without the claim the provider is trusted to have checked it.
    const verified = claimOf(claims, 'email_verified');
    if (verified !== undefined && verified !== true) throw new Refused('oidc: email not verified');
  }
  if (value === '') throw new Refused('oidc: username claim is empty');
  return prefix + value;
}

function groupsOf(claims: Claims, { groups }: JwtIssuer): string[] {
  if (!groups) return [];
  if ('program' in groups) return evaluated('group claim expression', () => textsFrom(groups.program, claims));
  const value = claimOf(claims, groups.claim);
  const list = value === undefined ? [] : listOf(value);
  if (list === undefined)
    throw new Refused(`oidc: parse groups claim ${JSON.stringify(groups.claim)}: claim is neither a text nor a list of texts`);
  return list.map((group) => groups.prefix + group);
}

function uidOf(claims: Claims, { uid }: JwtIssuer): string | undefined {
  if (!uid) return undefined;
  if ('program' in uid) return evaluated('uid claim expression', () => textFrom(uid.program, claims));
  const value = claimOf(claims, uid.claim);
  if (value !== undefined && typeof value !== 'string')
    throw new Refused(`oidc: error evaluating uid claim expression: claim ${uid.claim} is no text`);
  return value;
}

function extraOf(claims: Claims, { extra }: JwtIssuer): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const { key, program } of extra) {
    const values = evaluated('extra claim expression', () => textsFrom(program, claims));
    if (values.length > 0) out[key] = values;
  }
  const jti = claims['jti'];
  if (typeof jti === 'string' && jti !== '') out[CREDENTIAL_ID] = [`JTI=${jti}`];
  return out;
}

function checkClaims(claims: Claims, { requiredClaims, claimRules }: JwtIssuer): void {
  for (const { claim, value } of requiredClaims) {
    const actual = claimOf(claims, claim);
    if (actual === undefined) throw new Refused(`oidc: required claim ${claim} not present in ID token`);
    if (actual !== value) {
      const shown = typeof actual === 'string' ? actual : JSON.stringify(actual);
      throw new Refused(`oidc: required claim ${claim} value does not match. Got = ${shown}, want = ${value}`);
    }
  }
  checkRules('claim validation expression', claimRules, (rule) => holdsForClaims(rule.program, claims));
}

function checkRules(what: string, rules: readonly Rule[], holds: (rule: Rule) => boolean): void {
  for (const rule of rules) {
    if (evaluated(what, () => holds(rule))) continue;
    throw new Refused(`oidc: error evaluating ${what}: validation expression '${rule.program.source}' failed: ${rule.message}`);
  }
}

/** The user behind the claims, or why there is none. */
export function userOfOidcClaims(claims: Claims, issuer: JwtIssuer): UserInfo | string {
  try {
    const name = usernameOf(claims, issuer);
    const groups = groupsOf(claims, issuer);
    const uid = uidOf(claims, issuer);
    const extra = extraOf(claims, issuer);
    checkClaims(claims, issuer);
    const user = { name, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length > 0 ? { extra } : {}) };
    checkRules('user info validation rule', issuer.userRules, (rule) => holdsForUser(rule.program, user));
    return user;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}
