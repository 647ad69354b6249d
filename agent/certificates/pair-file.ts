// Certificate and key in one PEM file: replaced in one step, so that after kill -9 they still belong together.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileIfExists, writeFileAtomic } from '../../kit/fs/index.ts';
import type { KeyPair } from '../../kit/net/index.ts';

/** Undefined: there is no file, or none that can be used. */
export async function readPair(file: string): Promise<KeyPair | undefined> {
  const text = await readFileIfExists(file);
  const cert = /-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\n/.exec(text ?? '')?.[0];
  const key = /-----BEGIN ((?:EC )?PRIVATE KEY)-----[\s\S]*?-----END \1-----\n/.exec(text ?? '')?.[0];
  return cert !== undefined && key !== undefined && belongTogether(cert, key) ? { cert, key } : undefined;
}

export const writePair = (file: string, { cert, key }: KeyPair): Promise<void> =>
  writeFileAtomic(file, `${cert.trimEnd()}\n${key.trimEnd()}\n`, { mode: 0o600, durable: true });

export function belongTogether(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false; // one of them is damaged
  }
}

/** The pairs that are good now and of this authority (any, when it is unknown), the longest lived first. */
export function usable(pairs: readonly (KeyPair | undefined)[], ca: string | undefined, nowMs: number): KeyPair[] {
  return pairs
    .flatMap((pair) => (pair && belongTogether(pair.cert, pair.key) ? [{ pair, x509: new X509Certificate(pair.cert) }] : []))
    .filter(({ x509 }) => Date.parse(x509.validTo) > nowMs && (ca === undefined || x509.verify(new X509Certificate(ca).publicKey)))
    .sort((a, b) => Date.parse(b.x509.validTo) - Date.parse(a.x509.validTo))
    .map(({ pair }) => pair);
}
