// What an operator can say about who is let in; files are read once, at start.
import { readFileSync } from 'node:fs';
import type { UserInfo } from '../request.ts';
import { type AnonymousConfig, issuerOfFlags, type JwtIssuer, type OidcFlags, parseAuthenticationConfig } from './oidc/index.ts';
import { parseTokenFile } from './static-tokens.ts';

export interface AuthenticationSettings {
  /** AuthenticationConfiguration of apiserver.config.k8s.io/v1, YAML or JSON. Not together with `oidc`. */
  configFile?: string;
  /** One issuer, in the terms of kube-apiserver's --oidc-… flags. */
  oidc?: OidcFlags;
  /** Lines of token, user name, uid, "group,group". */
  tokenFile?: string;
}

export interface Authentication {
  issuers: readonly JwtIssuer[];
  anonymous?: AnonymousConfig;
  staticTokens: Readonly<Record<string, UserInfo>>;
}

/** @throws Error naming the file and everything that is wrong in it */
export function readAuthentication({ configFile, oidc, tokenFile }: AuthenticationSettings, ownIssuer: string): Authentication {
  if (configFile && oidc) throw new Error('authentication: configFile and oidc are mutually exclusive');
  const config = configFile ? parseAuthenticationConfig(configFile, readFileSync(configFile, 'utf8'), ownIssuer) : { issuers: [] };
  return {
    ...config,
    ...(oidc ? { issuers: [issuerOfFlags(oidc, ownIssuer)] } : {}),
    staticTokens: tokenFile ? parseTokenFile(tokenFile, readFileSync(tokenFile, 'utf8')) : {},
  };
}
