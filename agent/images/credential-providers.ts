// Credentials of the machine for registries: kubelet's credential providers, programs that are asked about an image (exec protocol
// credentialprovider.kubelet.k8s.io/v1; configuration kubelet.config.k8s.io/v1 CredentialProviderConfig).
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { run } from '../../kit/exec/index.ts';
import type { Clock } from '../../kit/run/index.ts';
import type { RegistryAuth } from './registry-login.ts';

export interface CredentialProvider {
  name: string;
  matchImages: string[];
  defaultCacheMs: number;
  args: string[];
  env: Record<string, string>;
}

export interface CredentialProvidersOptions {
  providers: readonly CredentialProvider[];
  /** Folder of the programs; each has its provider's name. */
  binDir: string;
  clock: Clock;
  /** A provider that fails is left out: another one may know, or the image be free for all. */
  onError: (error: Error) => void;
}

type KeyType = 'Image' | 'Registry' | 'Global';

interface Response {
  cacheKeyType?: KeyType;
  cacheDuration?: string;
  auth?: Record<string, { username?: string; password?: string }> | null;
}

const API = 'credentialprovider.kubelet.k8s.io/v1';
/** As kubelet's. */
const TIMEOUT_MS = 60_000;
const CACHED_MAX = 500;

/** Reads the configuration file, YAML or JSON. @throws Error naming the file and the field */
export async function loadCredentialProviders(path: string): Promise<CredentialProvider[]> {
  try {
    return parseCredentialProviders(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`credential providers ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** @throws Error `providers[N].FIELD: what is wrong` */
export function parseCredentialProviders(text: string): CredentialProvider[] {
  const config = (parse(text) ?? {}) as { apiVersion?: string; kind?: string; providers?: unknown };
  if (config.kind !== 'CredentialProviderConfig' || !/^kubelet\.config\.k8s\.io\/v1(?:beta1|alpha1)?$/.test(config.apiVersion ?? ''))
    throw new Error(`expected kind CredentialProviderConfig of kubelet.config.k8s.io/v1, got ${config.kind} of ${config.apiVersion}`);
  if (!Array.isArray(config.providers) || config.providers.length === 0) throw new Error('providers: at least one is required');
  return config.providers.map((given, index) => parseProvider((given ?? {}) as Record<string, unknown>, `providers[${index}]`));
}

function parseProvider(given: Record<string, unknown>, path: string): CredentialProvider {
  const { name, matchImages, defaultCacheDuration, apiVersion, args = [], env = [] } = given;
  if (typeof name !== 'string' || name === '' || /[\s/]/.test(name) || name === '.' || name === '..')
    throw new Error(`${path}.name: must be the name of a program in the folder of providers, is ${JSON.stringify(name)}`);
  if (!isTexts(matchImages) || matchImages.length === 0) throw new Error(`${path}.matchImages: must be a list of image patterns`);
  if (apiVersion !== API) throw new Error(`${path}.apiVersion: must be ${API}, is ${JSON.stringify(apiVersion)}`);
  if (!isTexts(args)) throw new Error(`${path}.args: must be a list of texts`);
  const defaultCacheMs = durationMs(defaultCacheDuration);
  if (defaultCacheMs === undefined)
    throw new Error(`${path}.defaultCacheDuration: must be a duration as 12h, is ${JSON.stringify(defaultCacheDuration)}`);
  const pairs = (env as { name?: string; value?: string }[]).map((e): [string, string] => [e.name ?? '', e.value ?? '']);
  return { name, matchImages, defaultCacheMs, args, env: Object.fromEntries(pairs) };
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations, as metav1.Duration is written: `1h30m`, `0`. */
function durationMs(text: unknown): number | undefined {
  if (text === '0' || text === 0) return 0;
  if (typeof text !== 'string' || !/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit!]!, 0);
}

/** Whether an image is meant by `host[:port][/path]`, whose host may have `*` for parts of a label. Ports are the same, paths a prefix. */
export function matchesImage(pattern: string, image: string): boolean {
  const [host, path] = split(pattern.replace(/^https?:\/\//, ''));
  const [imageHost, imagePath] = split(image);
  const [labels, port] = hostParts(host);
  const [imageLabels, imagePort] = hostParts(imageHost);
  if (port !== imagePort || labels.length !== imageLabels.length || !imagePath.startsWith(path)) return false;
  return labels.every((label, i) =>
    new RegExp(`^${label.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*')}$`).test(imageLabels[i]!),
  );
}

function split(name: string): [string, string] {
  const slash = name.indexOf('/');
  return slash < 0 ? [name, ''] : [name.slice(0, slash), name.slice(slash)];
}

function hostParts(host: string): [string[], string] {
  const [name = '', port = ''] = host.split(':');
  return [name.split('.'), port];
}

export class CredentialProviders {
  readonly #options: CredentialProvidersOptions;
  readonly #cache = new Map<string, { auth: NonNullable<Response['auth']>; untilMs: number }>();
  /** One question at a time of the same provider about the same image. */
  readonly #asking = new Map<string, Promise<NonNullable<Response['auth']>>>();

  constructor(options: CredentialProvidersOptions) {
    this.#options = options;
  }

  /** Credentials for the image (a full name), of all providers that know it; the most exact pattern first. */
  async credentials(image: string): Promise<RegistryAuth[]> {
    const knowing = this.#options.providers.filter(({ matchImages }) => matchImages.some((pattern) => matchesImage(pattern, image)));
    const answers = await Promise.all(knowing.map((provider) => this.#ask(provider, image)));
    return answers
      .flatMap((auth) => Object.entries(auth))
      .filter(([pattern]) => matchesImage(pattern, image))
      .sort(([a], [b]) => (a < b ? 1 : -1)) // as kubelet: the longer of two that begin alike first
      .map(([, { username = '', password = '' }]) => ({ username, password }));
  }

  async #ask(provider: CredentialProvider, image: string): Promise<NonNullable<Response['auth']>> {
    const registry = split(image)[0];
    for (const key of [`Image ${image}`, `Registry ${registry}`, 'Global']) {
      const cached = this.#cache.get(`${provider.name} ${key}`);
      if (cached && cached.untilMs > this.#options.clock.nowMs()) return cached.auth;
    }
    const key = `${provider.name} ${image}`;
    const asked =
      this.#asking.get(key) ??
      this.#exec(provider, image)
        .catch((error: Error) => {
          this.#options.onError(new Error(`credential provider ${provider.name}: ${error.message}`, { cause: error }));
          return {};
        })
        .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return await asked;
  }

  async #exec({ name, args, env, defaultCacheMs }: CredentialProvider, image: string): Promise<NonNullable<Response['auth']>> {
    const input = JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion: API, image });
    const { stdout } = await run(`${this.#options.binDir}/${name}`, args, { input, env, timeoutMs: TIMEOUT_MS });
    const response = JSON.parse(stdout) as Response & { kind?: string; apiVersion?: string };
    if (response.kind !== 'CredentialProviderResponse' || response.apiVersion !== API)
      throw new Error(`answered ${response.kind} of ${response.apiVersion}, expected CredentialProviderResponse of ${API}`);
    const auth = response.auth ?? {};
    const keys: Record<KeyType, string> = { Image: `Image ${image}`, Registry: `Registry ${split(image)[0]}`, Global: 'Global' };
    const key = keys[response.cacheKeyType as KeyType];
    if (key === undefined) throw new Error(`cacheKeyType is ${JSON.stringify(response.cacheKeyType)}, expected Image, Registry or Global`);
    const cacheMs = response.cacheDuration === undefined ? defaultCacheMs : (durationMs(response.cacheDuration) ?? 0);
    if (cacheMs > 0) this.#remember(`${name} ${key}`, auth, cacheMs);
    return auth;
  }

  #remember(key: string, auth: NonNullable<Response['auth']>, cacheMs: number): void {
    this.#cache.delete(key);
    this.#cache.set(key, { auth, untilMs: this.#options.clock.nowMs() + cacheMs });
    const oldest = this.#cache.keys().next();
    if (this.#cache.size > CACHED_MAX && !oldest.done) this.#cache.delete(oldest.value);
  }
}
