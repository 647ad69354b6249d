// What other services need to check our service account tokens by themselves: the OpenID configuration and the key set.
import type { ApiRequest, ApiResponse } from '../request.ts';
import { jwkOf, type VerifyingKey } from './jwt.ts';

const CACHE = { 'cache-control': 'public, max-age=3600' };

/** Handlers by path. `serverUrl`: where the key set is served, e.g. https://172.30.0.1:6443 */
export function openIdPaths(
  issuer: string,
  keys: readonly VerifyingKey[],
  serverUrl: string,
): Readonly<Record<string, (request: ApiRequest) => Promise<ApiResponse>>> {
  const answer = (contentType: string, body: object) => async (): Promise<ApiResponse> => ({
    status: 200,
    headers: { 'content-type': contentType, ...CACHE },
    body: JSON.stringify(body),
  });
  return {
    '/.well-known/openid-configuration': answer('application/json', {
      issuer,
      jwks_uri: `${serverUrl}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    }),
    '/openid/v1/jwks': answer('application/jwk-set+json', { keys: keys.map(jwkOf) }),
  };
}
