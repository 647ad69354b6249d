// Bootstrap tokens as their secrets hold them, and the signatures that they make. Pure.
import { createHmac } from 'node:crypto';
import type { Secret } from '../../../api/gen/types/core.v1.ts';

export const TYPE = 'bootstrap.kubernetes.io/token';
/** Of the annotations of cluster-info's data: one signature a token. */
const SIGNATURE = 'jws-kubeconfig-';

const text = (value: unknown): string => (typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '');

/** When the token ends, in milliseconds since the epoch; undefined: never; NaN for what is no time. */
export function expiryOf({ data }: Pick<Secret, 'data'>): number | undefined {
  const expiration = text(data?.['expiration']);
  return expiration === '' ? undefined : Date.parse(expiration);
}

/** The id and the secret of a token that may sign now. */
export function signerOf(secret: Pick<Secret, 'type' | 'data' | 'metadata'>, nowMs: number): { id: string; key: string } | undefined {
  const { data, type, metadata } = secret;
  if (type !== TYPE || metadata.deletionTimestamp) return undefined;
  const [id, key] = [text(data?.['token-id']), text(data?.['token-secret'])];
  const ends = expiryOf(secret);
  const over = ends !== undefined && !(ends > nowMs);
  if (over || metadata.name !== `bootstrap-token-${id}` || key === '' || text(data?.['usage-bootstrap-signing']) !== 'true')
    return undefined;
  return { id, key };
}

/** A detached JSON web signature (RFC 7515, appendix F) of the content with the token as the shared secret. */
export function detachedSignature(content: string, { id, key }: { id: string; key: string }): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  return `${header}..${createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url')}`;
}

/** The data of cluster-info with one signature for each token, those of former tokens gone; undefined when it is so already. */
export function signed(
  data: Readonly<Record<string, string>>,
  signers: readonly { id: string; key: string }[],
): Record<string, string> | undefined {
  const content = data['kubeconfig'];
  if (content === undefined) return undefined;
  const kept = Object.entries(data).filter(([key]) => !key.startsWith(SIGNATURE));
  const next = Object.fromEntries([...kept, ...signers.map((one) => [SIGNATURE + one.id, detachedSignature(content, one)] as const)]);
  const same = Object.keys(next).length === Object.keys(data).length && Object.entries(next).every(([key, value]) => data[key] === value);
  return same ? undefined : next;
}
