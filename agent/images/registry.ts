// A registry's HTTP API (OCI distribution v1.1) as far as pulling needs it: manifests and blobs, with basic or bearer authentication.
import { Readable } from 'node:stream';

export interface RegistryAuth {
  username?: string;
  password?: string;
  /** base64 of `user:password`. */
  auth?: string;
  identityToken?: string;
  registryToken?: string;
}

/** What a registry answered, told apart because a pod's status tells it apart. */
export class RegistryError extends Error {
  readonly kind: 'not-found' | 'unauthorized' | 'unavailable' | 'other';
  constructor(kind: RegistryError['kind'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RegistryError';
    this.kind = kind;
  }
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const ANSWER_TIMEOUT_MS = 30_000;

export class Registry {
  readonly #base: string;
  readonly #host: string;
  readonly #repository: string;
  readonly #basic: string | undefined;
  #bearer: string | undefined;

  /** @param endpoint `https://host[:port]`, the registry itself or a mirror of it */
  constructor(endpoint: string, repository: string, given: RegistryAuth = {}) {
    this.#host = new URL(endpoint).host;
    this.#repository = repository;
    this.#base = `${endpoint.replace(/\/$/, '')}/v2/${repository}`;
    const { username, password, auth, registryToken } = given;
    this.#basic = auth ?? (username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64'));
    this.#bearer = registryToken;
  }

  async manifest(reference: string): Promise<{ text: string; mediaType: string }> {
    const response = await this.#get(`/manifests/${reference}`, MANIFEST_TYPES.join(', '));
    return { text: await response.text(), mediaType: (response.headers.get('content-type') ?? '').split(';')[0] ?? '' };
  }

  async blobText(digest: string): Promise<string> {
    return await (await this.#get(`/blobs/${digest}`)).text();
  }

  async blob(digest: string): Promise<Readable> {
    const { body } = await this.#get(`/blobs/${digest}`);
    if (!body) throw new RegistryError('other', `blob ${digest}: empty answer`);
    return Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  }

  async #get(path: string, accept?: string): Promise<Response> {
    let response = await this.#fetch(path, accept);
    if (response.status === 401 && (await this.#logIn(response.headers.get('www-authenticate') ?? ''))) {
      await response.body?.cancel();
      response = await this.#fetch(path, accept);
    }
    if (response.ok) return response;
    await response.body?.cancel();
    const what = `${this.#host}/${this.#repository}${path}: ${response.status} ${response.statusText}`;
    if (response.status === 404) throw new RegistryError('not-found', `${what}: not found`);
    if (response.status === 401 || response.status === 403)
      throw new RegistryError('unauthorized', `${what}: pull access denied, repository does not exist or may require authorization`);
    throw new RegistryError(response.status >= 500 ? 'unavailable' : 'other', what);
  }

  async #fetch(path: string, accept?: string): Promise<Response> {
    const headers: Record<string, string> = accept ? { accept } : {};
    if (this.#bearer) headers['authorization'] = `Bearer ${this.#bearer}`;
    else if (this.#basic) headers['authorization'] = `Basic ${this.#basic}`;
    return await this.#send(`${this.#base}${path}`, headers);
  }

  /** The deadline covers the answer's head; a long body may take longer. */
  async #send(url: string, headers: Record<string, string>): Promise<Response> {
    const deadline = new AbortController();
    const timer = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const onTimeout = () => deadline.abort(timer.reason);
    timer.addEventListener('abort', onTimeout, { once: true });
    try {
      return await fetch(url, { headers, signal: deadline.signal });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new RegistryError('unavailable', `failed to do request: Get "${url}": ${cause}`, error);
    } finally {
      timer.removeEventListener('abort', onTimeout);
    }
  }

  /** Follows a Bearer challenge. False when there is nothing more to try. */
  async #logIn(challenge: string): Promise<boolean> {
    if (!/^bearer /i.test(challenge) || this.#bearer) return false;
    const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1]!, m[2]!]));
    const realm = fields.get('realm');
    if (!realm) return false;
    const url = new URL(realm);
    if (fields.has('service')) url.searchParams.set('service', fields.get('service')!);
    url.searchParams.set('scope', fields.get('scope') ?? `repository:${this.#repository}:pull`);
    const response = await this.#send(url.href, this.#basic ? { authorization: `Basic ${this.#basic}` } : {});
    if (!response.ok) return false;
    const body = (await response.json()) as { token?: string; access_token?: string };
    this.#bearer = body.token ?? body.access_token;
    return this.#bearer !== undefined;
  }
}
