// Checks of addresses in specs and statuses.
import { isIP, isIPv6 } from 'node:net';
import { invalidValue, type Problem } from '../../meta/index.ts';

const LEADING_ZERO = /(^|\.)0\d/;
const withoutZeros = (text: string): string => text.replace(/(^|\.)0+(?=\d)/g, '$1');

export function validateIp(field: string, text: string): Problem[] {
  if (isIP(text) !== 0) return [];
  const zeros = LEADING_ZERO.test(text) && isIP(withoutZeros(text)) === 4;
  return [invalidValue(field, text, zeros ? 'must not have leading 0s' : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

export function validateCidr(field: string, text: string): Problem[] {
  const [address = '', bits = '', ...more] = text.split('/');
  const max = isIPv6(address) ? 128 : 32;
  const good = more.length === 0 && isIP(address) !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= max;
  return good ? [] : [invalidValue(field, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

/** Addresses that no endpoint can have. */
export function validateEndpointIp(field: string, text: string): Problem[] {
  if (isIP(text) === 0) return [invalidValue(field, text, 'must be a valid IP address')];
  const low = text.toLowerCase();
  if (low === '0.0.0.0' || low === '::') return [invalidValue(field, text, `may not be unspecified (${text})`)];
  if (low.startsWith('127.') || low === '::1')
    return [invalidValue(field, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')];
  if (low.startsWith('169.254.') || /^fe[89ab]/.test(low)) {
    return [invalidValue(field, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')];
  }
  if (low.startsWith('224.0.0.') || low.startsWith('ff02:')) {
    return [invalidValue(field, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')];
  }
  return [];
}
