// What other services need to check our service account tokens by themselves: the OpenID configuration and the key set.
import { methodUnknown, notAcceptable } from '../../../api/meta/index.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { algorithmOf, jwkOf, type VerifyingKey } from './jwt.ts';

const CACHE = { 'cache-control': 'public, max-age=3600' };

/** Handlers by path. `serverUrl`: where the key set is served, e.g. https://172.30.0.1:6443 */
export function openIdPaths(
  issuer: string,
  keys: readonly VerifyingKey[],
  serverUrl: string,
): Readonly<Record<string, (request: ApiRequest) => Promise<ApiResponse>>> {
  const answer = (contentType: string, document: object) => {
    const body = JSON.stringify(document);
    return async ({ method, headers }: ApiRequest): Promise<ApiResponse> => {
      if (method !== 'GET') throw methodUnknown();
      const accepted = (headers['accept'] || '*/*').split(',').map((one) => one.split(';')[0]!.trim().toLowerCase());
      if (!accepted.some((one) => one === '*/*' || one === 'application/*' || one === contentType)) throw notAcceptable([contentType]);
      return { status: 200, headers: { 'content-type': contentType, ...CACHE }, body };
    };
  };
  return {
    '/.well-known/openid-configuration': answer('application/json', {
      issuer,
      jwks_uri: `${serverUrl}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(keys.map(algorithmOf))],
    }),
    '/openid/v1/jwks': answer('application/jwk-set+json', { keys: keys.map(jwkOf) }),
  };
}
