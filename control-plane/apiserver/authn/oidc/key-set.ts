// The public keys of an issuer: found by its discovery document, asked for again when a token names a key that is not among them.
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { Clock } from '../../../../kit/run/index.ts';
import type { VerifyingKey } from '../jwt.ts';
import type { JwtIssuer } from './configuration.ts';
import { fetchJson } from './fetch-json.ts';

/** Strangers can send tokens with any key's name: the issuer is not asked more often than this. */
const REFRESH_EVERY_MS = 5_000;
/** Keys that the issuer has withdrawn are forgotten after this long. */
const MAX_AGE_MS = 3_600_000;
const KEYS_MAX = 100;

export class KeySet {
  readonly #issuer: JwtIssuer;
  readonly #clock: Clock;
  #keys: readonly VerifyingKey[] = [];
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(issuer: JwtIssuer, clock: Clock) {
    this.#issuer = issuer;
    this.#clock = clock;
  }

  /** Keys that may have made the signature. An issuer that cannot be reached gives those that it had. @throws Error when it never could be */
  async keysFor(keyId: string | undefined): Promise<readonly VerifyingKey[]> {
    const nowMs = this.#clock.nowMs();
    const known = this.#matching(keyId);
    if (known.length > 0 && nowMs - this.#fetchedMs < MAX_AGE_MS) return known;
    if (this.#fetching !== undefined || nowMs - this.#triedMs >= REFRESH_EVERY_MS) await this.#refresh(nowMs);
    if (this.#keys.length === 0 && this.#problem !== undefined) throw new Error(this.#problem);
    return this.#matching(keyId);
  }

  #matching(keyId: string | undefined): readonly VerifyingKey[] {
    return keyId === undefined ? this.#keys : this.#keys.filter((one) => one.keyId === keyId || one.keyId === '');
  }

  /** All who wait at once wait for one question. */
  #refresh(nowMs: number): Promise<void> {
    this.#fetching ??= this.#fetch(nowMs).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(nowMs: number): Promise<void> {
    this.#triedMs = nowMs;
    try {
      this.#keys = await this.#read();
      this.#fetchedMs = nowMs;
      this.#problem = undefined;
    } catch (error) {
      this.#problem = (error as Error).message;
    }
  }

  async #read(): Promise<VerifyingKey[]> {
    const { url, discoveryUrl, certificateAuthority } = this.#issuer;
    const document = await fetchJson(discoveryUrl ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`, certificateAuthority);
    if (document['issuer'] !== url)
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(document['issuer'])}`,
      );
    const address = document['jwks_uri'];
    if (typeof address !== 'string' || !address.startsWith('https://'))
      throw new Error(`oidc: jwks_uri ${JSON.stringify(address)} is no https address`);
    const { keys } = await fetchJson(address, certificateAuthority);
    if (!Array.isArray(keys)) throw new Error(`${address}: no key set`);
    return keys.slice(0, KEYS_MAX).flatMap((one) => keyOf(one as JsonWebKey & { kid?: string; use?: string }));
  }
}

/** Keys of kinds that we do not know, and those that are for encryption, are left out. */
function keyOf(jwk: JsonWebKey & { kid?: string; use?: string }): VerifyingKey[] {
  if (jwk.use !== undefined && jwk.use !== 'sig') return [];
  try {
    return [{ keyId: jwk.kid ?? '', key: createPublicKey({ key: jwk, format: 'jwk' }) }];
  } catch {
    return [];
  }
}
