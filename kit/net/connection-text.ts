// Failures of a connection in the words that Go's net/http, crypto/tls and client-go use: users search for them.
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';

const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

const DIAL: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
};

const verification = (why: string): string => `tls: failed to verify certificate: x509: ${why}`;

/** `serverName`: what the certificate was compared with. */
export function connectionText(error: unknown, { host, port }: { host: string; port: number }, serverName: string): string {
  const { code = '', message, cert } = error as NodeJS.ErrnoException & { cert?: PeerCertificate };
  const at = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  if (DIAL[code]) return `dial tcp ${at}: ${DIAL[code]}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${host}: no such host`;
  if (UNKNOWN_AUTHORITY.has(code)) return verification('certificate signed by unknown authority');
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return verification('certificate has expired or is not yet valid');
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return verification(nameText(cert, serverName));
  if (
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
    code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' ||
    /wrong version number|packet length too long|http request/.test(message)
  )
    return 'http: server gave HTTP response to HTTPS client';
  if (/alert number (\d+)|tlsv1 alert|sslv3 alert/.test(message))
    return `remote error: tls: ${/alert ([a-z ]+)/.exec(message)?.[1] ?? 'handshake failure'}`;
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return message === 'socket hang up' ? 'EOF' : `read tcp ${at}: read: connection reset by peer`;
  return message;
}

/** What a certificate is valid for, against what was wanted. */
function nameText(cert: PeerCertificate | undefined, serverName: string): string {
  const names = (cert?.subjectaltname ?? '').split(', ').filter(Boolean);
  const kind = isIP(serverName) ? 'IP Address:' : 'DNS:';
  const valid = names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  if (isIP(serverName))
    return valid.length === 0
      ? `cannot validate certificate for ${serverName} because it doesn't contain any IP SANs`
      : `certificate is valid for ${valid.join(', ')}, not ${serverName}`;
  if (valid.length > 0) return `certificate is valid for ${valid.join(', ')}, not ${serverName}`;
  return names.length === 0
    ? 'certificate relies on legacy Common Name field, use SANs instead'
    : `certificate is not valid for any names, but wanted to match ${serverName}`;
}
