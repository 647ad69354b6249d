// Who is asking: a front proxy's user, client certificate, then bearer token, else anonymous. A wrong token is 401, never anonymous.
import { unauthorized } from '../../../api/meta/index.ts';
import { BoundedMap, type Clock } from '../../../kit/run/index.ts';
import type { AccessMetrics, AuthenticationResult } from '../metrics/index.ts';
import type { ApiRequest, Peer, Reader, Stage, UserInfo } from '../request.ts';
import { userOfBootstrapToken } from './bootstrap-token.ts';
import { type Claims, type SigningKey, type VerifyingKey, verifyToken } from './jwt.ts';
import { type AnonymousConfig, createOidc, type JwtIssuer } from './oidc/index.ts';
import { type FrontProxyTrust, proxiedUser } from './request-header.ts';
import { CREDENTIAL_ID, timeProblem, userOfClaims } from './service-account-token.ts';
import { staticTokens } from './static-tokens.ts';

export const AUTHENTICATED = 'system:authenticated';
const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Verified signatures that are remembered: verifying costs 0.1 ms, and each pod asks with one token all the time. */
const REMEMBERED_MAX = 4096;

export interface AuthenticatorOptions {
  reader: Reader;
  clock: Clock;
  /** Signs service account tokens. */
  signingKey: SigningKey;
  /** Former keys that still verify. */
  formerKeys?: readonly VerifyingKey[];
  issuer: string;
  /** Audiences of this API server; default the issuer alone. */
  audiences?: readonly string[];
  /** Fixed tokens (bootstrapping, tests). */
  staticTokens?: Readonly<Record<string, UserInfo>>;
  /** Others whose tokens are taken (OpenID Connect). */
  issuers?: readonly JwtIssuer[];
  frontProxy?: FrontProxyTrust;
}

type TokenResult = { user: UserInfo; audiences: readonly string[] } | { error: string };

export interface Authenticator {
  /** Never rejects for a bad token. `audiences`: of whom the token must be meant for; default the API server's. */
  authenticateToken(token: string, audiences?: readonly string[]): Promise<TokenResult>;
  /** The asker, or undefined when the request carries no credentials. @throws StatusError 401 for wrong ones */
  authenticate(request: ApiRequest): Promise<UserInfo | undefined>;
  readonly audiences: readonly string[];
}

const withAuthenticated = (user: UserInfo): UserInfo =>
  user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };

const usersOfPeers = new WeakMap<Peer, UserInfo>();

/** One user a connection: what others remember of him, they find again. @throws StatusError 401 for a certificate that says two things */
function userOfPeer(peer: Peer): UserInfo {
  const known = usersOfPeers.get(peer);
  if (known !== undefined) return known;
  const { commonName, organizations, uids = [], fingerprint } = peer;
  if (uids.length > 1 || uids[0] === '') throw unauthorized();
  const user = withAuthenticated({
    name: commonName,
    groups: organizations,
    ...(uids[0] === undefined ? {} : { uid: uids[0] }),
    ...(fingerprint ? { extra: { [CREDENTIAL_ID]: [`X509SHA256=${fingerprint}`] } } : {}),
  });
  usersOfPeers.set(peer, user);
  return user;
}

const known = (user: UserInfo | undefined, audiences: readonly string[]): TokenResult | undefined =>
  user && { user: withAuthenticated(user), audiences };

const quoted = (list: readonly string[]): string => `[${list.map((item) => JSON.stringify(item)).join(' ')}]`;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { reader, clock, issuer } = options;
  const apiAudiences = options.audiences ?? [issuer];
  const keys = [options.signingKey, ...(options.formerKeys ?? [])];
  const remembered = new BoundedMap<string, Claims>(REMEMBERED_MAX);

  function verified(token: string): Claims | undefined {
    const known = remembered.get(token);
    if (known) return known;
    const claims = verifyToken(token, keys);
    if (!claims) return undefined;
    remembered.set(token, claims);
    return claims;
  }

  async function serviceAccount(token: string, wanted: readonly string[]): Promise<TokenResult | undefined> {
    const claims = verified(token);
    if (claims?.['iss'] !== issuer) return undefined;
    const nowSeconds = clock.nowMs() / 1000;
    const late = timeProblem(claims, nowSeconds);
    if (late) return { error: `[invalid bearer token, ${late}]` };
    const own = Array.isArray(claims['aud']) ? (claims['aud'] as string[]) : [];
    const audiences = wanted.filter((audience) => own.includes(audience));
    if (audiences.length === 0)
      return { error: `[invalid bearer token, token audiences ${quoted(own)} is invalid for the target audiences ${quoted(wanted)}]` };
    const user = await userOfClaims(claims, reader, nowSeconds);
    if (typeof user === 'string') return { error: `[invalid bearer token, ${user}]` };
    return { user: withAuthenticated(user), audiences };
  }

  const fixed = staticTokens(options.staticTokens ?? {});
  const oidc = createOidc(options.issuers ?? [], clock);
  const agnostic = (wanted: readonly string[]) => apiAudiences.filter((audience) => wanted.includes(audience));

  /** Who understands tokens, in the order in which they are asked; undefined: not of mine. */
  const understand: readonly ((token: string, wanted: readonly string[]) => Promise<TokenResult | undefined>)[] = [
    async (token, wanted) => known(fixed(token), agnostic(wanted)),
    serviceAccount,
    async (token, wanted) => known(userOfBootstrapToken(token, reader, clock.nowMs()), agnostic(wanted)),
    async (token, wanted) => {
      const result = await oidc(token);
      if (result && 'error' in result) return { error: `[invalid bearer token, ${result.error}]` };
      return known(result?.user, agnostic(wanted));
    },
  ];

  async function authenticateToken(token: string, audiences: readonly string[] = apiAudiences): Promise<TokenResult> {
    for (const understands of understand) {
      const result = await understands(token, audiences);
      if (result) return result;
    }
    return { error: 'invalid bearer token' };
  }

  async function authenticate(request: ApiRequest): Promise<UserInfo | undefined> {
    if (request.user) return request.user;
    const proxied = proxiedUser(request, options.frontProxy);
    if (proxied) return withAuthenticated(proxied);
    if (request.peer?.commonName) return userOfPeer(request.peer);
    const token = bearerOf(request.headers['authorization']) ?? webSocketBearerOf(request.headers['sec-websocket-protocol']);
    if (token === undefined) {
      if (request.badPeer) throw unauthorized();
      return undefined;
    }
    const result = await authenticateToken(token);
    if ('error' in result) throw unauthorized();
    return result.user;
  }

  return { authenticate, authenticateToken, audiences: apiAudiences };
}

function bearerOf(header: string | undefined): string | undefined {
  const [scheme, token] = (header ?? '').trim().split(' ');
  return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
}

/** Browsers cannot set headers on a WebSocket: the token may come as a sub-protocol. */
function webSocketBearerOf(header: string | undefined): string | undefined {
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  const protocol = (header ?? '').split(',').find((item) => item.trim().startsWith(prefix));
  return protocol ? Buffer.from(protocol.trim().slice(prefix.length), 'base64url').toString() : undefined;
}

/** Whether the path may be asked for without credentials; authorization has its say after that. */
const takesAnonymous = (config: AnonymousConfig | undefined, path: string): boolean =>
  config === undefined || (config.enabled && (config.paths === undefined || config.paths.includes(path)));

/** Programs of this process come with their user: they are not asked who they are, nor counted. */
export const authenticateStage = (authenticator: Authenticator, metrics: AccessMetrics, anonymous?: AnonymousConfig): Stage => ({
  name: 'authenticate',
  async handle(request, next) {
    if (request.user) return next(request);
    const started = performance.now();
    let result: AuthenticationResult = 'error';
    let user: UserInfo | undefined;
    try {
      user = await authenticator.authenticate(request);
      if (!user && takesAnonymous(anonymous, request.path)) user = ANONYMOUS;
      result = user ? 'success' : 'failure';
    } finally {
      metrics.authenticated(result, (performance.now() - started) / 1000, user?.name);
    }
    if (!user) throw unauthorized();
    request.user = user;
    return next(request);
  },
});
