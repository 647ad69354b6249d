// Credentials of the machine for registries: kubelet's credential providers, programs that are asked about an image (exec protocol
// credentialprovider.kubelet.k8s.io/v1), some of them with a token of the pod's service account.
import { createHash } from 'node:crypto';
import { run } from '../../kit/exec/index.ts';
import { BoundedMap, type Clock } from '../../kit/run/index.ts';
import { type CredentialProvider, durationMs } from './credential-provider-config.ts';
import { matchesImage, registryOf } from './image-pattern.ts';
import type { Owner, PullCredential } from './keyring.ts';

/** The service account of the pod that wants an image. */
export interface PodAccount {
  namespace: string;
  name: string;
  /** @throws Error when there is none */
  read(): Promise<{ uid: string; annotations: Readonly<Record<string, string>> }>;
  /** Bound to the pod. */
  token(audience: string): Promise<string>;
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
type Answered = Record<string, { username?: string; password?: string }>;

interface Response {
  kind?: string;
  apiVersion?: string;
  cacheKeyType?: KeyType;
  cacheDuration?: string;
  auth?: Answered | null;
}

/** In whose name a provider is asked. */
interface Identity {
  owner: Owner;
  token: string;
  annotations: Record<string, string>;
  /** Answers are kept for others with the same. */
  cacheKey: string;
}

/** As kubelet's. */
const TIMEOUT_MS = 60_000;
const CACHED_MAX = 500;

export class CredentialProviders {
  readonly #options: CredentialProvidersOptions;
  readonly #cache = new BoundedMap<string, { auth: Answered; untilMs: number }>(CACHED_MAX);
  /** One question at a time of the same provider about the same image, in the same name. */
  readonly #asking = new Map<string, Promise<Answered>>();

  constructor(options: CredentialProvidersOptions) {
    this.#options = options;
  }

  /** Credentials for the image (a full name), of all providers that know it; the most exact pattern first. */
  async credentials(image: string, account: PodAccount | undefined): Promise<PullCredential[]> {
    const knowing = this.#options.providers.filter(({ matchImages }) => matchImages.some((pattern) => matchesImage(pattern, image)));
    const answers = await Promise.all(knowing.map((provider) => this.#credentialsOf(provider, image, account)));
    return answers
      .flat()
      .filter(([pattern]) => matchesImage(pattern, image))
      .sort(([a], [b]) => (a < b ? 1 : -1)) // as kubelet: the longer of two that begin alike first
      .map(([, credential]) => credential);
  }

  async #credentialsOf(
    provider: CredentialProvider,
    image: string,
    account: PodAccount | undefined,
  ): Promise<[pattern: string, PullCredential][]> {
    const identity = await this.#identify(provider, account).catch((error: unknown) => {
      this.#fail(provider, error);
      return 'not asked' as const;
    });
    if (identity === 'not asked') return [];
    const auth = await this.#ask(provider, image, identity);
    const owner = identity ? { owner: identity.owner } : {};
    return Object.entries(auth).map(([pattern, { username = '', password = '' }]) => [pattern, { auth: { username, password }, ...owner }]);
  }

  /** Undefined: in the node's name. */
  async #identify({ tokenAttributes }: CredentialProvider, account: PodAccount | undefined): Promise<Identity | 'not asked' | undefined> {
    if (!tokenAttributes) return undefined;
    if (!account) return tokenAttributes.requireServiceAccount ? 'not asked' : undefined;
    const { requiredServiceAccountAnnotationKeys: required, optionalServiceAccountAnnotationKeys: optional, cacheType } = tokenAttributes;
    const { namespace, name } = account;
    const { uid, annotations: all } = await account.read();
    if (required.some((key) => all[key] === undefined)) return 'not asked'; // how a workload opts in
    const annotations = Object.fromEntries([...required, ...optional].flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
    const token = await account.token(tokenAttributes.serviceAccountTokenAudience);
    const parts = [namespace, name, uid, annotations, cacheType === 'Token' ? sha256(token) : ''];
    return { owner: { kind: 'ServiceAccount', uid, namespace, name }, token, annotations, cacheKey: JSON.stringify(parts) };
  }

  async #ask(provider: CredentialProvider, image: string, identity: Identity | undefined): Promise<Answered> {
    const whose = `${provider.name} ${identity?.cacheKey ?? ''}`;
    for (const key of Object.values(cacheKeys(image))) {
      const cached = this.#cache.get(`${whose} ${key}`);
      if (cached && cached.untilMs > this.#options.clock.nowMs()) return cached.auth;
    }
    const key = `${whose} ${image}`;
    const asked =
      this.#asking.get(key) ??
      this.#exec(provider, image, identity)
        .then((response) => this.#remember(provider, whose, image, response))
        .catch((error: unknown) => {
          this.#fail(provider, error);
          return {};
        })
        .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return await asked;
  }

  #fail({ name }: CredentialProvider, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#options.onError(new Error(`credential provider ${name}: ${message}`, { cause: error }));
  }

  async #exec(
    { name, apiVersion, args, env, tokenAttributes }: CredentialProvider,
    image: string,
    identity: Identity | undefined,
  ): Promise<Response> {
    const of = identity ? { serviceAccountToken: identity.token, serviceAccountAnnotations: identity.annotations } : {};
    const input = JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, image, ...of });
    const { stdout } = await run(`${this.#options.binDir}/${name}`, args, { input, env, timeoutMs: TIMEOUT_MS });
    const response = responseIn(stdout);
    if (response.kind !== 'CredentialProviderResponse' || response.apiVersion !== apiVersion)
      throw new Error(`answered ${response.kind} of ${response.apiVersion}, expected CredentialProviderResponse of ${apiVersion}`);
    const isEcho = Object.values(response.auth ?? {}).some(({ password }) => identity && password === identity.token);
    if (isEcho && tokenAttributes?.cacheType !== 'Token')
      throw new Error(`gave the service account token back as password for image ${image}, which needs cacheType Token`);
    return response;
  }

  #remember({ defaultCacheMs }: CredentialProvider, whose: string, image: string, response: Response): Answered {
    const auth = response.auth ?? {};
    const key = cacheKeys(image)[response.cacheKeyType as KeyType];
    if (key === undefined) throw new Error(`cacheKeyType is ${JSON.stringify(response.cacheKeyType)}, expected Image, Registry or Global`);
    const cacheMs = response.cacheDuration === undefined ? defaultCacheMs : (durationMs(response.cacheDuration) ?? 0);
    if (cacheMs <= 0) return auth;
    this.#cache.set(`${whose} ${key}`, { auth, untilMs: this.#options.clock.nowMs() + cacheMs });
    return auth;
  }
}

/** Without the parser's words, which would show what there is of credentials. */
function responseIn(text: string): Response {
  try {
    return JSON.parse(text) as Response;
  } catch {
    throw new Error('answered no JSON');
  }
}

/** The most exact first. */
const cacheKeys = (image: string): Record<KeyType, string> => ({
  Image: `Image ${image}`,
  Registry: `Registry ${registryOf(image)}`,
  Global: 'Global',
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
