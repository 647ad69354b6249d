// When a certificate is replaced. Pure.
import { X509Certificate } from 'node:crypto';

export interface Life {
  fromMs: number;
  toMs: number;
}

/** @throws Error when it is no certificate */
export function lifeOf(cert: string): Life {
  const { validFrom, validTo } = new X509Certificate(cert);
  return { fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
}

/**
 * Somewhere between 70 and 90 % of its life, as kubelet's certificate manager does: nodes that were made together do not ask together.
 * `random`: from 0 to 1.
 */
export const renewalMs = ({ fromMs, toMs }: Life, random: number): number => fromMs + (toMs - fromMs) * (0.7 + 0.2 * random);
