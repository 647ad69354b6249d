// The ways in which a value lies encrypted in the store, in upstream's own format: `k8s:enc:<provider>:v1:<key>:` and the sealed bytes.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

export interface Provider {
  /** What its values begin with; empty: as they are. */
  readonly prefix: string;
  /** `place`: the store's key, which some bind the value to. Both work on what follows the prefix. */
  seal(plain: Uint8Array, place: string): Uint8Array;
  /** @throws Error when the key does not fit */
  open(sealed: Uint8Array, place: string): Uint8Array;
}

export const identity: Provider = { prefix: '', seal: (plain) => plain, open: (sealed) => sealed };

const prefixOf = (provider: string, key: string): string => `k8s:enc:${provider}:v1:${key}:`;
const IV = 16;
const NONCE = 12;
const TAG = 16;
const SECRETBOX_NONCE = 24;

/** AES in CBC mode: a random vector, then the blocks, padded as PKCS 7 says. */
export const aesCbc = (key: string, secret: Buffer): Provider => ({
  prefix: prefixOf('aescbc', key),
  seal(plain) {
    const iv = randomBytes(IV);
    const cipher = createCipheriv(`aes-${secret.length * 8}-cbc`, secret, iv);
    return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
  },
  open(sealed) {
    if (sealed.length < 2 * IV || sealed.length % IV !== 0) throw new Error('the stored data is no whole number of blocks');
    const decipher = createDecipheriv(`aes-${secret.length * 8}-cbc`, secret, sealed.subarray(0, IV));
    return Buffer.concat([decipher.update(sealed.subarray(IV)), decipher.final()]);
  },
});

/** AES in Galois/counter mode: a random nonce, the text, the tag; bound to its place in the store. */
export const aesGcm = (key: string, secret: Buffer): Provider => ({
  prefix: prefixOf('aesgcm', key),
  seal(plain, place) {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv(`aes-${secret.length * 8}-gcm` as 'aes-256-gcm', secret, nonce).setAAD(Buffer.from(place));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  },
  open(sealed, place) {
    if (sealed.length < NONCE + TAG) throw new Error('the stored data was shorter than the required size');
    const decipher = createDecipheriv(`aes-${secret.length * 8}-gcm` as 'aes-256-gcm', secret, sealed.subarray(0, NONCE));
    decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-TAG));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
  },
});

/** NaCl's secretbox (XSalsa20 and Poly1305): a random nonce, then the box. */
export const secretbox = (key: string, secret: Buffer): Provider => ({
  prefix: prefixOf('secretbox', key),
  seal(plain) {
    const nonce = randomBytes(SECRETBOX_NONCE);
    return Buffer.concat([nonce, xsalsa20poly1305(secret, nonce).encrypt(plain)]);
  },
  open(sealed) {
    if (sealed.length < SECRETBOX_NONCE + TAG) throw new Error('the stored data was shorter than the required size');
    return xsalsa20poly1305(secret, sealed.subarray(0, SECRETBOX_NONCE)).decrypt(sealed.subarray(SECRETBOX_NONCE));
  },
});
