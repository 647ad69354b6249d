// Tokens for a registry: the Bearer challenge of the distribution specification, and OAuth 2 with an identity token.
import { type HttpOptions, send, textOf } from './http.ts';

export interface RegistryAuth {
  username?: string;
  password?: string;
  /** base64 of `user:password`. */
  auth?: string;
  /** A refresh token, as `docker login` gets it from some registries. */
  identityToken?: string;
  registryToken?: string;
}

const TOKEN_BYTES_MAX = 1 << 20;

/** The value of a Basic authorization header, where there are name and password. */
export function basicOf({ username, password, auth }: RegistryAuth): string | undefined {
  if (auth) return auth;
  return username ? Buffer.from(`${username}:${password ?? ''}`).toString('base64') : undefined;
}

/** Follows a `WWW-Authenticate: Bearer` challenge. Undefined when it is none, or when the credentials are not taken. */
export async function fetchToken(
  challenge: string,
  repository: string,
  given: RegistryAuth,
  options: HttpOptions,
): Promise<string | undefined> {
  if (!/^bearer /i.test(challenge)) return undefined;
  const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1]!.toLowerCase(), m[2]!]));
  const realm = fields.get('realm');
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  const scope = fields.get('scope') ?? `repository:${repository}:pull`;
  const service = fields.get('service');
  const question = given.identityToken ? refresh(given.identityToken, scope, service) : ask(basicOf(given), scope, service);
  const url = new URL(realm);
  for (const [name, value] of question.query) url.searchParams.set(name, value);
  const answer = await send(url.href, { headers: question.headers, ...(question.form ? { form: question.form } : {}) }, options);
  if (answer.status !== 200) {
    answer.body.destroy();
    return undefined;
  }
  return tokenIn(await textOf(answer, `token of ${url.host}`, TOKEN_BYTES_MAX));
}

interface Question {
  query: [string, string][];
  headers: Record<string, string>;
  form?: string;
}

const ask = (basic: string | undefined, scope: string, service: string | undefined): Question => ({
  query: [...(service === undefined ? [] : [['service', service] as [string, string]]), ['scope', scope]],
  headers: basic ? { authorization: `Basic ${basic}` } : {},
});

const refresh = (token: string, scope: string, service = ''): Question => ({
  query: [],
  headers: {},
  form: new URLSearchParams({ grant_type: 'refresh_token', service, client_id: 'wherry', scope, refresh_token: token }).toString(),
});

function tokenIn(text: string): string | undefined {
  try {
    const body = JSON.parse(text) as { token?: unknown; access_token?: unknown };
    const token = body.token ?? body.access_token;
    return typeof token === 'string' && token !== '' ? token : undefined;
  } catch {
    return undefined;
  }
}
