// Who may issue tokens for this cluster: AuthenticationConfiguration (apiserver.config.k8s.io/v1), or the classic settings of one issuer.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Program } from '../../../../api/cel/index.ts';
import { duplicate, invalidValue, type Problem, required } from '../../../../api/meta/index.ts';
import { parseYaml } from '../../../../api/wire/index.ts';
import { algorithmNames } from '../jwt.ts';
import { type Compiled, textOfClaims, textsOfClaims, truthOfClaims, truthOfUser } from './expressions.ts';

/** A claim, with what is put before its value. */
interface PrefixedClaim {
  claim: string;
  prefix: string;
}

/** Where a part of the user comes from: a claim, or an expression over all of them. */
type Source = PrefixedClaim | { program: Program };

/** An expression that must be true, and what is said when it is not. */
export interface Rule {
  program: Program;
  message: string;
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
  username: Source;
  groups?: Source;
  uid?: Source;
  extra: readonly { key: string; program: Program }[];
  requiredClaims: readonly { claim: string; value: string }[];
  claimRules: readonly Rule[];
  userRules: readonly Rule[];
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

const expressionProblem = (path: string, source: string, compile: (source: string) => Compiled): Problem[] => {
  const { problem } = compile(source);
  return problem === undefined ? [] : [invalidValue(path, source, problem)];
};

/** A part of the user; with `prefixed`, a claim's prefix must be said, be it empty. */
function sourceProblems(
  path: string,
  value: Json | undefined,
  { compile, prefixed, needed }: { compile: (source: string) => Compiled; prefixed?: true; needed?: true },
): Problem[] {
  if (value?.['expression'] && value['claim']) return [invalidValue(path, '', "claim and expression can't both be set")];
  if (value?.['expression'])
    return [
      ...(value['prefix'] === undefined
        ? []
        : [invalidValue(`${path}.prefix`, value['prefix'], "prefix can't be set when expression is set")]),
      ...expressionProblem(`${path}.expression`, value['expression'], compile),
    ];
  if (!value?.['claim']) return needed ? [required(path, 'claim or expression is required')] : [];
  if (prefixed && typeof value['prefix'] !== 'string')
    return [required(`${path}.prefix`, 'prefix is required when claim is set. It can be set to an empty string to disable prefixing')];
  return [];
}

/** Keys of extra are paths below a domain that is not Kubernetes'. */
function extraProblems(path: string, extra: readonly Json[]): Problem[] {
  return extra.flatMap(({ key = '', valueExpression = '' }, i) => {
    const at = `${path}[${i}]`;
    const problems: Problem[] = [];
    const [domain = '', rest] = String(key).split('/');
    if (key === '') problems.push(required(`${at}.key`));
    else if (!domain.includes('.') || !rest)
      problems.push(invalidValue(`${at}.key`, key, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    else if (key !== key.toLowerCase()) problems.push(invalidValue(`${at}.key`, key, 'key must be lowercase'));
    else if (/(^|\.)(k8s|kubernetes)\.io$/.test(domain))
      problems.push(invalidValue(`${at}.key`, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'));
    if (extra.findIndex((other) => other['key'] === key) < i) problems.push(duplicate(`${at}.key`, key));
    if (valueExpression === '') problems.push(required(`${at}.valueExpression`, 'valueExpression is required'));
    else problems.push(...expressionProblem(`${at}.valueExpression`, valueExpression, textsOfClaims));
    return problems;
  });
}

function ruleProblems({ claimValidationRules = [], userValidationRules = [] }: Json, path: string): Problem[] {
  return [
    ...claimValidationRules.flatMap((rule: Json, i: number) => {
      const at = `${path}.claimValidationRules[${i}]`;
      if (rule['claim'] && rule['expression']) return [invalidValue(at, rule['claim'], "claim and expression can't both be set")];
      if (rule['expression']) return expressionProblem(`${at}.expression`, rule['expression'], truthOfClaims);
      return rule['claim'] ? [] : [required(at, 'claim or expression is required')];
    }),
    ...userValidationRules.flatMap((rule: Json, i: number) => {
      const at = `${path}.userValidationRules[${i}].expression`;
      return rule['expression'] ? expressionProblem(at, rule['expression'], truthOfUser) : [required(at, 'expression is required')];
    }),
  ];
}

/** Who names people by an expression over their address must say somewhere that it was checked. */
function addressProblem(path: string, { claimMappings = {}, claimValidationRules = [] }: Json): Problem[] {
  const named: string = claimMappings.username?.expression ?? '';
  if (!/\bclaims\.email\b/.test(named)) return [];
  const all = [
    named,
    ...(claimMappings.extra ?? []).map((one: Json) => one['valueExpression']),
    ...claimValidationRules.map((one: Json) => one['expression']),
  ];
  if (all.some((one) => /\bclaims\.\??email_verified\b/.test(one ?? ''))) return [];
  const why =
    'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';
  return [invalidValue(`${path}.claimMappings.username.expression`, named, why)];
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
    ...sourceProblems(`${path}.claimMappings.username`, claimMappings.username, { compile: textOfClaims, prefixed: true, needed: true }),
    ...sourceProblems(`${path}.claimMappings.groups`, claimMappings.groups, { compile: textsOfClaims, prefixed: true }),
    ...sourceProblems(`${path}.claimMappings.uid`, claimMappings.uid, { compile: textOfClaims }),
    ...extraProblems(`${path}.claimMappings.extra`, claimMappings.extra ?? []),
    ...ruleProblems(entry, path),
    ...addressProblem(path, entry),
  );
  return problems;
}

/** Of an expression that was found to be right. */
const programOf = ({ program }: Compiled): Program => program!;

function issuerOf({ issuer, claimMappings, claimValidationRules = [], userValidationRules = [] }: Json): JwtIssuer {
  const source = (of: Json, compile: (source: string) => Compiled): Source =>
    of['expression'] ? { program: programOf(compile(of['expression'])) } : { claim: of['claim'], prefix: of['prefix'] ?? '' };
  const given = (of: Json | undefined): of is Json => Boolean(of?.['claim'] || of?.['expression']);
  const rule = (of: Json, compile: (source: string) => Compiled): Rule => ({
    program: programOf(compile(of['expression'])),
    message: of['message'] ?? '',
  });
  const { username, groups, uid, extra = [] } = claimMappings;
  return {
    url: issuer.url,
    ...(issuer.discoveryURL ? { discoveryUrl: issuer.discoveryURL } : {}),
    ...(issuer.certificateAuthority ? { certificateAuthority: issuer.certificateAuthority } : {}),
    audiences: issuer.audiences,
    algorithms: algorithmNames,
    username: source(username, textOfClaims),
    ...(given(groups) ? { groups: source(groups, textsOfClaims) } : {}),
    ...(given(uid) ? { uid: source(uid, textOfClaims) } : {}),
    extra: extra.map((one: Json) => ({ key: one['key'], program: programOf(textsOfClaims(one['valueExpression'])) })),
    requiredClaims: claimValidationRules
      .filter((one: Json) => one['claim'])
      .map((one: Json) => ({ claim: one['claim'], value: one['requiredValue'] ?? '' })),
    claimRules: claimValidationRules.filter((one: Json) => one['expression']).map((one: Json) => rule(one, truthOfClaims)),
    userRules: userValidationRules.map((one: Json) => rule(one, truthOfUser)),
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
    extra: [],
    claimRules: [],
    userRules: [],
    requiredClaims: Object.entries(flags.requiredClaims ?? {}).map(([claim, value]) => ({ claim, value })),
  };
}
