// Node's errors of connections in Go's words.
import { expect, test } from 'vitest';
import { connectionText } from './connection-text.ts';

const at = { host: '10.1.1.1', port: 443 };
test.each([
  [{ code: 'ECONNREFUSED', message: '' }, 'dial tcp 10.1.1.1:443: connect: connection refused'],
  [{ code: 'ENOTFOUND', message: '' }, 'dial tcp: lookup 10.1.1.1: no such host'],
  [{ code: 'SELF_SIGNED_CERT_IN_CHAIN', message: '' }, 'tls: failed to verify certificate: x509: certificate signed by unknown authority'],
  [{ code: 'CERT_HAS_EXPIRED', message: '' }, 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid'],
  [
    { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: '', cert: { subjectaltname: 'DNS:a, DNS:b, IP Address:1.1.1.1' } },
    'tls: failed to verify certificate: x509: certificate is valid for a, b, not s.n.svc',
  ],
  [{ code: 'ECONNRESET', message: 'socket hang up' }, 'EOF'],
  [{ code: 'EPROTO', message: 'SSL routines:wrong version number' }, 'http: server gave HTTP response to HTTPS client'],
])('%j reads %s', (error, text) => expect(connectionText(error, at, 's.n.svc')).toBe(text));
