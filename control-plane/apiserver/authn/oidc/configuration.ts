// Who may issue tokens for this cluster: AuthenticationConfiguration (apiserver.config.k8s.io/v1), or the classic settings of one issuer.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { duplicate, forbiddenField, invalidValue, type Problem, required } from '../../../../api/meta/index.ts';
import { parseYaml } from '../../../../api/wire/index.ts';
import { algorithmNames } from '../jwt.ts';

/** A claim, with what is put before its value. */
export interface PrefixedClaim {
  claim: string;
  prefix: string;
}

/** One issuer of tokens and what its claims mean. */
export interface JwtIssuer {
  url: string;
  /** Where the discovery document is when it is not below `url`. */
  discoveryUrl?: string;
  /** PEM; absent: the authorities of the machine. */
  certificateAuthority?: string;
  audiences: readonly string[];
  algorithms: readonly string[];
  username: PrefixedClaim;
  groups?: PrefixedClaim;
  uidClaim?: string;
  requiredClaims: readonly { claim: string; value: string }[];
}

/** The settings that kube-apiserver's --oidc-… flags have. */
export interface OidcFlags {
  issuerUrl: string;
  clientId: string;
  /** Default `sub`. */
  usernameClaim?: string;
  /** Default: the issuer's URL and `#`, but nothing before e-mail addresses; `-` for nothing. */
  usernamePrefix?: string;
  groupsClaim?: string;
  groupsPrefix?: string;
  requiredClaims?: Readonly<Record<string, string>>;
  /** Default RS256. */
  signingAlgorithms?: readonly string[];
  caFile?: string;
}

/** Paths that need no credentials; undefined: as RBAC says. */
export interface AnonymousConfig {
  enabled: boolean;
  paths?: readonly string[];
}

export interface AuthenticationConfig {
  issuers: readonly JwtIssuer[];
  anonymous?: AnonymousConfig;
}

type Json = Record<string, any>;

function refuse(source: string, problems: readonly Problem[]): never {
  throw new Error(`${source}: ${problems.map(({ field, message }) => `${field}: ${message}`).join(', ')}`);
}

/** Absolute, https, without user, query and fragment. */
function urlProblem(path: string, value: string | undefined, otherwise: readonly string[]): Problem[] {
  if (!value) return [required(path, 'URL is required')];
  if (otherwise.includes(value))
    return [invalidValue(path, value, `URL must not overlap with disallowed issuers: [${otherwise.join(' ')}]`)];
  let url: URL;
  try {
    url = new URL(value);
  } catch (error) {
    return [invalidValue(path, value, (error as Error).message)];
  }
  const problems: Problem[] = [];
  if (url.protocol !== 'https:') problems.push(invalidValue(path, value, 'URL scheme must be https'));
  if (url.username || url.password) problems.push(invalidValue(path, value, 'URL must not contain a username or password'));
  if (url.search) problems.push(invalidValue(path, value, 'URL must not contain a query'));
  if (url.hash) problems.push(invalidValue(path, value, 'URL must not contain a fragment'));
  return problems;
}

function authorityProblem(path: string, pem: string | undefined): Problem[] {
  if (!pem) return [];
  try {
    new X509Certificate(pem);
    return [];
  } catch {
    return [invalidValue(path, '<omitted>', 'data does not contain any valid RSA or ECDSA certificates')];
  }
}

const EXPRESSIONS = 'expressions are not supported by this server';

/** A claim of the configuration; with `prefixed`, its prefix must be said, be it empty. */
function claimProblems(path: string, value: Json | undefined, prefixed: boolean, needed: boolean): Problem[] {
  if (value?.['expression']) return [forbiddenField(`${path}.expression`, EXPRESSIONS)];
  if (!value?.['claim']) return needed ? [required(path, 'claim or expression is required')] : [];
  if (prefixed && typeof value['prefix'] !== 'string')
    return [required(`${path}.prefix`, 'prefix is required when claim is set. It can be set to an empty string to disable prefixing')];
  return [];
}

function issuerProblems(path: string, entry: Json, disallowed: readonly string[]): Problem[] {
  const { issuer = {}, claimMappings = {} } = entry;
  const problems = [
    ...urlProblem(`${path}.issuer.url`, issuer.url, disallowed),
    ...(issuer.discoveryURL ? urlProblem(`${path}.issuer.discoveryURL`, issuer.discoveryURL, []) : []),
    ...authorityProblem(`${path}.issuer.certificateAuthority`, issuer.certificateAuthority),
  ];
  if (issuer.discoveryURL && issuer.discoveryURL.replace(/\/$/, '') === String(issuer.url).replace(/\/$/, ''))
    problems.push(invalidValue(`${path}.issuer.discoveryURL`, issuer.discoveryURL, 'discoveryURL must be different from URL'));
  const audiences: unknown[] = issuer.audiences ?? [];
  if (audiences.length === 0) problems.push(required(`${path}.issuer.audiences`, `at least one ${path}.issuer.audiences is required`));
  if (audiences.includes('')) problems.push(required(`${path}.issuer.audiences`, "audience can't be empty"));
  if (audiences.length > 1 && issuer.audienceMatchPolicy !== 'MatchAny')
    problems.push(
      invalidValue(
        `${path}.issuer.audienceMatchPolicy`,
        issuer.audienceMatchPolicy ?? '',
        'audienceMatchPolicy must be MatchAny for multiple audiences',
      ),
    );
  problems.push(
    ...claimProblems(`${path}.claimMappings.username`, claimMappings.username, true, true),
    ...claimProblems(`${path}.claimMappings.groups`, claimMappings.groups, true, false),
    ...claimProblems(`${path}.claimMappings.uid`, claimMappings.uid, false, false),
  );
  if (claimMappings.extra?.length) problems.push(forbiddenField(`${path}.claimMappings.extra`, EXPRESSIONS));
  if (entry['userValidationRules']?.length) problems.push(forbiddenField(`${path}.userValidationRules`, EXPRESSIONS));
  for (const [i, rule] of (entry['claimValidationRules'] ?? []).entries()) {
    if (rule.expression) problems.push(forbiddenField(`${path}.claimValidationRules[${i}].expression`, EXPRESSIONS));
    else if (!rule.claim) problems.push(required(`${path}.claimValidationRules[${i}]`, 'claim or expression is required'));
  }
  return problems;
}

function issuerOf({ issuer, claimMappings, claimValidationRules = [] }: Json): JwtIssuer {
  const prefixed = (of: Json): PrefixedClaim => ({ claim: of['claim'], prefix: of['prefix'] });
  return {
    url: issuer.url,
    ...(issuer.discoveryURL ? { discoveryUrl: issuer.discoveryURL } : {}),
    ...(issuer.certificateAuthority ? { certificateAuthority: issuer.certificateAuthority } : {}),
    audiences: issuer.audiences,
    algorithms: algorithmNames,
    username: prefixed(claimMappings.username),
    ...(claimMappings.groups?.claim ? { groups: prefixed(claimMappings.groups) } : {}),
    ...(claimMappings.uid?.claim ? { uidClaim: claimMappings.uid.claim } : {}),
    requiredClaims: claimValidationRules.map((rule: Json) => ({ claim: rule['claim'], value: rule['requiredValue'] ?? '' })),
  };
}

const VERSIONS = ['v1', 'v1beta1'].map((version) => `apiserver.config.k8s.io/${version}`);

/** From the text of the file. `ownIssuer`: of service account tokens, which nobody else may use. @throws Error with every problem */
export function parseAuthenticationConfig(source: string, text: string, ownIssuer: string): AuthenticationConfig {
  const config = (parseYaml(text).value ?? {}) as Json;
  if (config['kind'] !== 'AuthenticationConfiguration' || !VERSIONS.includes(config['apiVersion']))
    throw new Error(`${source}: no AuthenticationConfiguration of ${VERSIONS.join(' or ')}`);
  const entries: Json[] = config['jwt'] ?? [];
  const urls = entries.map((entry) => entry['issuer']?.url);
  const problems = entries.flatMap((entry, i) => issuerProblems(`jwt[${i}]`, entry, [ownIssuer]));
  for (const [i, url] of urls.entries()) if (url && urls.indexOf(url) < i) problems.push(duplicate(`jwt[${i}].issuer.url`, url));
  if (problems.length > 0) refuse(source, problems);
  const { anonymous } = config;
  return {
    issuers: entries.map(issuerOf),
    ...(anonymous
      ? {
          anonymous: {
            enabled: anonymous.enabled === true,
            ...(anonymous.conditions?.length ? { paths: anonymous.conditions.map(({ path }: Json) => path) } : {}),
          },
        }
      : {}),
  };
}

/** From the classic settings. @throws Error with every problem */
export function issuerOfFlags(flags: OidcFlags, ownIssuer: string): JwtIssuer {
  const { issuerUrl, clientId, usernameClaim = 'sub', usernamePrefix, groupsClaim, groupsPrefix = '' } = flags;
  const problems = urlProblem('issuerUrl', issuerUrl, [ownIssuer]);
  if (!clientId) problems.push(required('clientId', 'the audience of the tokens'));
  const algorithms = flags.signingAlgorithms ?? ['RS256'];
  for (const one of algorithms)
    if (!algorithmNames.includes(one)) problems.push(invalidValue('signingAlgorithms', one, 'unknown algorithm'));
  if (problems.length > 0) refuse('oidc', problems);
  const prefix = usernamePrefix ?? (usernameClaim === 'email' ? '-' : `${issuerUrl}#`);
  return {
    url: issuerUrl,
    ...(flags.caFile ? { certificateAuthority: readFileSync(flags.caFile, 'utf8') } : {}),
    audiences: [clientId],
    algorithms,
    username: { claim: usernameClaim, prefix: prefix === '-' ? '' : prefix },
    ...(groupsClaim ? { groups: { claim: groupsClaim, prefix: groupsPrefix } } : {}),
    requiredClaims: Object.entries(flags.requiredClaims ?? {}).map(([claim, value]) => ({ claim, value })),
  };
}
