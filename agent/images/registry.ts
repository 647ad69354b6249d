// A registry's HTTP API (OCI distribution v1.1) as far as pulling needs it: manifests and blobs, retried where trying again may help.
import { Readable } from 'node:stream';
import { backoffMs, type Clock, systemClock } from '../../kit/run/index.ts';
import { type Answer, type HttpOptions, STALLED, send, textOf } from './http.ts';
import { RegistryError } from './registry-error.ts';
import { basicOf, fetchToken, type RegistryAuth } from './registry-login.ts';

export interface RegistryOptions {
  auth?: RegistryAuth;
  /** Default 30,000. */
  stallMs?: number;
  clock?: Clock;
  certsDir?: string;
  signal?: AbortSignal;
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
/** As the distribution specification asks of registries: what is larger is no manifest. The same for an image's configuration. */
const DOCUMENT_BYTES_MAX = 4 << 20;
/** Tries of one request, the first included. */
const TRIES = 4;
const RETRY_BASE_MS = 200;
/** A registry that wants to be left alone for longer is told to the user, whose pod tries again later. */
const RETRY_AFTER_MAX_MS = 30_000;
/** Breaks of one pull after which even a connection that gets on is given up. */
const RESUMES_MAX = 100;

export class Registry {
  readonly #base: string;
  readonly #host: string;
  readonly #repository: string;
  readonly #auth: RegistryAuth;
  readonly #http: HttpOptions;
  readonly #clock: Clock;
  #bearer: string | undefined;
  #resumed = 0;

  /** @param endpoint `https://host[:port]`, the registry itself or a mirror of it */
  constructor(endpoint: string, repository: string, options: RegistryOptions = {}) {
    const { auth = {}, stallMs = 30_000, clock = systemClock, certsDir, signal } = options;
    this.#host = new URL(endpoint).host;
    this.#repository = repository;
    this.#base = `${endpoint.replace(/\/$/, '')}/v2/${repository}`;
    this.#auth = auth;
    this.#bearer = auth.registryToken;
    this.#http = { stallMs, ...(certsDir === undefined ? {} : { certsDir }), ...(signal ? { signal } : {}) };
    this.#clock = clock;
  }

  async manifest(reference: string): Promise<{ text: string; mediaType: string }> {
    const answer = await this.#get(`/manifests/${reference}`, { accept: MANIFEST_TYPES.join(', ') });
    const mediaType = answer.header('content-type').split(';')[0]!.trim();
    const what = `${this.#host}/${this.#repository}: manifest ${reference}`;
    if (mediaType === 'text/html') {
      answer.body.destroy();
      throw new RegistryError(
        'other',
        `${what}: the answer is a web page (text/html): ${this.#host} is no registry, or a proxy stands before it`,
      );
    }
    return { text: await textOf(answer, what, DOCUMENT_BYTES_MAX), mediaType };
  }

  async blobText(digest: string): Promise<string> {
    return await textOf(await this.#get(`/blobs/${digest}`), `blob ${digest}`, DOCUMENT_BYTES_MAX);
  }

  /** The blob's bytes; a connection that breaks is taken up again where it broke. Fails when they are not `size` many. */
  blob(digest: string, size: number, onBytes: (count: number) => void = () => {}): Readable {
    return Readable.from(this.#pieces(digest, size, onBytes), { objectMode: false, highWaterMark: 1 << 20 });
  }

  async *#pieces(digest: string, size: number, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
    let offset = 0;
    for (let failures = 0; ; ) {
      const before = offset;
      const answer = await this.#get(`/blobs/${digest}`, offset > 0 ? { range: `bytes=${offset}-` } : {});
      let skip = answer.status === 206 ? 0 : offset; // a registry without ranges begins anew
      let lost = 'the answer ended';
      try {
        for await (const chunk of answer.body as AsyncIterable<Buffer>) {
          const piece = chunk.subarray(Math.min(skip, chunk.length));
          skip -= chunk.length - piece.length;
          offset += piece.length;
          if (offset > size) throw new RegistryError('other', `blob ${digest} is longer than the ${size} bytes that its manifest says`);
          if (piece.length > 0) yield piece;
          onBytes(piece.length);
        }
      } catch (error) {
        this.#http.signal?.throwIfAborted();
        if (error instanceof RegistryError) throw error;
        lost = error instanceof Error ? error.message : String(error);
      }
      if (offset === size) return;
      failures = offset > before ? 1 : failures + 1;
      const isHopeless = failures >= TRIES || ++this.#resumed > RESUMES_MAX || (offset === before && STALLED.test(lost));
      if (isHopeless) throw new RegistryError('unavailable', `blob ${digest}: ${offset} of ${size} bytes came: ${lost}`);
      await this.#clock.sleep(backoffMs(failures, RETRY_BASE_MS, RETRY_AFTER_MAX_MS), this.#http.signal);
    }
  }

  /** An answer of 200 or 206. 429, 408 and 5xx are asked again: they pass. @throws RegistryError */
  async #get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#authorized(path, headers);
      if (answer.status === 200 || answer.status === 206) return answer;
      answer.body.destroy();
      const what = `${this.#host}/${this.#repository}${path}: ${answer.status} ${answer.reason}`;
      if (answer.status === 404) throw new RegistryError('not-found', `${what}: not found`);
      if (answer.status === 401 || answer.status === 403)
        throw new RegistryError('unauthorized', `${what}: pull access denied, repository does not exist or may require authorization`);
      const passes = answer.status >= 500 || answer.status === 429 || answer.status === 408;
      const waitMs = this.#retryAfterMs(answer) ?? backoffMs(tries, RETRY_BASE_MS, RETRY_AFTER_MAX_MS);
      if (!passes || tries === TRIES || waitMs > RETRY_AFTER_MAX_MS) {
        const later = waitMs > RETRY_AFTER_MAX_MS ? ` (asks to try again after ${Math.ceil(waitMs / 1000)} s)` : '';
        throw new RegistryError(passes ? 'unavailable' : 'other', `unexpected status from GET request to ${what}${later}`);
      }
      await this.#clock.sleep(waitMs, this.#http.signal);
    }
  }

  /** Retry-After in seconds or as a date (RFC 9110, 10.2.3). */
  #retryAfterMs(answer: Answer): number | undefined {
    const text = answer.header('retry-after');
    if (/^\d+$/.test(text)) return Number(text) * 1000;
    const at = Date.parse(text);
    return Number.isNaN(at) ? undefined : Math.max(0, at - this.#clock.nowMs());
  }

  async #authorized(path: string, headers: Record<string, string>): Promise<Answer> {
    const answer = await this.#send(path, headers);
    if (answer.status !== 401 || this.#auth.registryToken) return answer;
    const token = await fetchToken(answer.header('www-authenticate'), this.#repository, this.#auth, this.#http);
    if (token === undefined || token === this.#bearer) return answer;
    answer.body.destroy();
    this.#bearer = token;
    return await this.#send(path, headers);
  }

  async #send(path: string, headers: Record<string, string>): Promise<Answer> {
    const basic = basicOf(this.#auth);
    const authorization = this.#bearer ? `Bearer ${this.#bearer}` : basic ? `Basic ${basic}` : undefined;
    return await send(`${this.#base}${path}`, { headers: authorization ? { ...headers, authorization } : headers }, this.#http);
  }
}
