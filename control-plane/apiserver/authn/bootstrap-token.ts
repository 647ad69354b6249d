// Tokens that new nodes join with: secrets bootstrap-token-ID in kube-system.
import { timingSafeEqual } from 'node:crypto';
import type { Reader, UserInfo } from '../request.ts';

const FORM = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

const decode = (value: unknown): string => (typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '');

/** The user `system:bootstrap:ID`, when a secret of that id holds this token, is for authentication and has not expired. */
export function userOfBootstrapToken(token: string, reader: Reader, nowMs: number): UserInfo | undefined {
  const [, id, secret] = FORM.exec(token) ?? [];
  if (!id || !secret) return undefined;
  const object = reader.get({ group: '', plural: 'secrets' }, 'kube-system', `bootstrap-token-${id}`);
  if (object?.['type'] !== 'bootstrap.kubernetes.io/token' || object.metadata.deletionTimestamp) return undefined;
  const data = (object['data'] ?? {}) as Record<string, string>;
  const stored = decode(data['token-secret']);
  if (decode(data['token-id']) !== id || stored.length !== secret.length || !timingSafeEqual(Buffer.from(stored), Buffer.from(secret)))
    return undefined;
  const expires = decode(data['expiration']);
  if (expires && !(Date.parse(expires) > nowMs)) return undefined;
  if (decode(data['usage-bootstrap-authentication']) !== 'true') return undefined;
  const extraGroups = decode(data['auth-extra-groups'])
    .split(',')
    .map((group) => group.trim());
  return {
    name: `system:bootstrap:${id}`,
    groups: ['system:bootstrappers', ...extraGroups.filter((group) => group.startsWith('system:bootstrappers:'))],
  };
}
