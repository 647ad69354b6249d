// kubelet's CredentialProviderConfig (kubelet.config.k8s.io/v1): which programs are asked for credentials, about which images, and with
// what they are told of the pod. Its rules and defaults are kubelet's.
import { readdir, readFile, stat } from 'node:fs/promises';
import { parse } from 'yaml';

export interface CredentialProvider {
  name: string;
  matchImages: string[];
  defaultCacheMs: number;
  apiVersion: string;
  args: string[];
  env: Record<string, string>;
  tokenAttributes?: TokenAttributes;
}

/** Of a provider that gets a token of the pod's service account. */
export interface TokenAttributes {
  serviceAccountTokenAudience: string;
  /** Whose the answer is: the token's alone, or all pods' of the service account. */
  cacheType: 'Token' | 'ServiceAccount';
  /** Not asked for a pod without a service account. */
  requireServiceAccount: boolean;
  /** Not asked where one of these is missing. */
  requiredServiceAccountAnnotationKeys: string[];
  optionalServiceAccountAnnotationKeys: string[];
}

type Fields = Record<string, unknown>;

const API = 'credentialprovider.kubelet.k8s.io/v1';
const APIS = [API, `${API}beta1`, `${API}alpha1`];

/** Reads the configuration file, YAML or JSON, or all such files of a folder. @throws Error naming the file and the field */
export async function loadCredentialProviders(path: string): Promise<CredentialProvider[]> {
  const providers: CredentialProvider[] = [];
  for (const file of await filesOf(path)) {
    try {
      providers.push(...parseCredentialProviders(await readFile(file, 'utf8')));
      checkNames(providers);
    } catch (error) {
      throw new Error(`credential providers ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return providers;
}

async function filesOf(path: string): Promise<string[]> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
  if (!isFolder) return [path];
  const files = (await readdir(path)).filter((name) => /\.(?:json|ya?ml)$/.test(name)).sort();
  if (files.length === 0) throw new Error(`credential providers ${path}: no configuration file in the folder`);
  return files.map((name) => `${path}/${name}`);
}

/** @throws Error `providers[N].FIELD: what is wrong` */
export function parseCredentialProviders(text: string): CredentialProvider[] {
  const config = (parse(text) ?? {}) as { apiVersion?: string; kind?: string; providers?: unknown };
  if (config.kind !== 'CredentialProviderConfig' || !/^kubelet\.config\.k8s\.io\/v1(?:beta1|alpha1)?$/.test(config.apiVersion ?? ''))
    throw new Error(`expected kind CredentialProviderConfig of kubelet.config.k8s.io/v1, got ${config.kind} of ${config.apiVersion}`);
  if (!Array.isArray(config.providers) || config.providers.length === 0) throw new Error('providers: at least one is required');
  return config.providers.map((given, index) => parseProvider((given ?? {}) as Fields, `providers[${index}]`));
}

function checkNames(providers: readonly CredentialProvider[]): void {
  const twice = providers.find(({ name }, index) => providers.findIndex((other) => other.name === name) !== index);
  if (twice) throw new Error(`providers: the name ${JSON.stringify(twice.name)} is there twice`);
}

function parseProvider(given: Fields, path: string): CredentialProvider {
  const { name, matchImages, defaultCacheDuration, apiVersion, args = [], env = [], tokenAttributes } = given;
  if (typeof name !== 'string' || name === '' || /[\s/]/.test(name) || name === '.' || name === '..')
    throw new Error(`${path}.name: must be the name of a program in the folder of providers, is ${JSON.stringify(name)}`);
  if (!isTexts(matchImages) || matchImages.length === 0) throw new Error(`${path}.matchImages: must be a list of image patterns`);
  if (typeof apiVersion !== 'string' || !APIS.includes(apiVersion))
    throw new Error(`${path}.apiVersion: must be ${API}, is ${JSON.stringify(apiVersion)}`);
  if (!isTexts(args)) throw new Error(`${path}.args: must be a list of texts`);
  const defaultCacheMs = durationMs(defaultCacheDuration);
  if (defaultCacheMs === undefined)
    throw new Error(`${path}.defaultCacheDuration: must be a duration as 12h, is ${JSON.stringify(defaultCacheDuration)}`);
  const pairs = (env as { name?: string; value?: string }[]).map((e): [string, string] => [e.name ?? '', e.value ?? '']);
  const provider = { name, matchImages, defaultCacheMs, apiVersion, args, env: Object.fromEntries(pairs) };
  if (tokenAttributes === undefined || tokenAttributes === null) return provider;
  if (apiVersion !== API) throw new Error(`${path}.tokenAttributes: only with apiVersion ${API}`);
  return { ...provider, tokenAttributes: parseTokenAttributes(tokenAttributes as Fields, `${path}.tokenAttributes`) };
}

function parseTokenAttributes(given: Fields, path: string): TokenAttributes {
  const { serviceAccountTokenAudience, cacheType, requireServiceAccount } = given;
  const { requiredServiceAccountAnnotationKeys: required = [], optionalServiceAccountAnnotationKeys: optional = [] } = given;
  if (typeof serviceAccountTokenAudience !== 'string' || serviceAccountTokenAudience === '')
    throw new Error(`${path}.serviceAccountTokenAudience: is required`);
  if (cacheType !== 'Token' && cacheType !== 'ServiceAccount')
    throw new Error(`${path}.cacheType: must be ServiceAccount or Token, is ${JSON.stringify(cacheType)}`);
  if (typeof requireServiceAccount !== 'boolean') throw new Error(`${path}.requireServiceAccount: must be true or false`);
  for (const [field, keys] of Object.entries({ required, optional }))
    if (!isTexts(keys) || !keys.every(isAnnotationKey) || new Set(keys).size < keys.length)
      throw new Error(`${path}.${field}ServiceAccountAnnotationKeys: must be a list of annotation keys, each once`);
  const both = (required as string[]).find((key) => (optional as string[]).includes(key));
  if (both !== undefined) throw new Error(`${path}: annotation keys cannot be both required and optional: ${both}`);
  if (!requireServiceAccount && (required as string[]).length > 0)
    throw new Error(`${path}.requireServiceAccount: must be true where annotations are required`);
  return {
    ...{ serviceAccountTokenAudience, cacheType, requireServiceAccount },
    requiredServiceAccountAnnotationKeys: required as string[],
    optionalServiceAccountAnnotationKeys: optional as string[],
  };
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');

const isAnnotationKey = (key: string): boolean =>
  /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[a-z0-9](?:[-a-z0-9_.]{0,61}[a-z0-9])?$/i.test(key);

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations, as metav1.Duration is written: `1h30m`, `0`. */
export function durationMs(text: unknown): number | undefined {
  if (text === '0' || text === 0) return 0;
  if (typeof text !== 'string' || !/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit!]!, 0);
}
