import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { certify, createCa, issue, newKey, subjectOf } from './certificates.ts';
import { createSigningRequest, parseSigningRequest } from './signing-request.ts';

const now = Date.now();

test.each([
  [{ commonName: 'a', organizations: [] }],
  [{ commonName: 'system:node:n1', organizations: ['system:nodes'] }],
  [{ commonName: 'ünï', organizations: ['g2', 'g1', 'x'.repeat(200)] }],
])('the subject %o comes back as it was given', (subject) => {
  const leaf = issue(createCa('ca', now), { ...subject, usages: ['client'] }, now);
  expect(subjectOf(leaf.cert)).toEqual(subject);
});

test('a leaf is signed by its authority and names what it serves', () => {
  const ca = createCa('demo ca', now);
  const leaf = issue(
    ca,
    { commonName: 'kube-apiserver', dnsNames: ['kubernetes', 'localhost'], ips: ['10.0.0.1', 'fd00::1'], usages: ['server'] },
    now,
  );
  const cert = new X509Certificate(leaf.cert);
  const caCert = new X509Certificate(ca.cert);
  expect(cert.verify(caCert.publicKey)).toBe(true);
  expect(cert.checkIssued(caCert)).toBe(true);
  expect(caCert.ca).toBe(true);
  expect(cert.ca).toBe(false);
  expect(cert.subjectAltName).toBe('DNS:kubernetes, DNS:localhost, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1');
  expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(cert.checkHost('kubernetes')).toBe('kubernetes');
});

test('client and server authenticate each other over TLS', async () => {
  const ca = createCa('ca', now);
  const server = issue(ca, { commonName: 's', dnsNames: ['localhost'], usages: ['server'] }, now);
  const client = issue(ca, { commonName: 'jane', organizations: ['dev'], usages: ['client'] }, now);
  const seen = Promise.withResolvers<unknown>();
  const listener = createServer({ ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: true }, (socket) => {
    seen.resolve(subjectOf(socket.getPeerCertificate().raw));
    socket.end();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const socket = connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    servername: 'localhost',
    ca: ca.cert,
    ...client,
  });
  socket.on('error', seen.reject);
  expect(await seen.promise).toEqual({ commonName: 'jane', organizations: ['dev'] });
  socket.destroy();
  listener.close();
});

// Made with: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=dev/CN=jane -addext subjectAltName=DNS:a.b,IP:1.2.3.4
const CSR = `-----BEGIN CERTIFICATE REQUEST-----
MIH/MIGmAgEAMB0xDDAKBgNVBAoMA2RldjENMAsGA1UEAwwEamFuZTBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABGrB/oO4uiFHWsphk70VeV+6YUKXlyRCn0z1RBCH
QEvtC4kmXaLtSspKbDleqz93kTyh7AntugqiEp67WINde5ygJzAlBgkqhkiG9w0B
CQ4xGDAWMBQGA1UdEQQNMAuCA2EuYocEAQIDBDAKBggqhkjOPQQDAgNIADBFAiEA
krn942mKYAttlkUs3QNbGNOgOuV8+c4jR+51HTiFuIwCIC6QWtFZjlz/SzkvD8x3
6bZbQVuqpnACwoEnYRF9D7N9
-----END CERTIFICATE REQUEST-----`;

test('a signing request is read, checked and certified', () => {
  const request = parseSigningRequest(CSR);
  expect(request).toMatchObject({ commonName: 'jane', organizations: ['dev'], dnsNames: ['a.b'], ips: ['1.2.3.4'] });
  const ca = createCa('ca', now);
  const cert = certify(ca, { ...request, usages: ['client'], days: 1 }, request.spki, now);
  expect(new X509Certificate(cert).verify(new X509Certificate(ca.cert).publicKey)).toBe(true);
  expect(() => parseSigningRequest(CSR.replace(/.{4}(?=\n-----END)/, 'AAAA'))).toThrow();
});

test('a key names its algorithm in its first line', () => {
  expect(newKey()).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n/);
});

test.each([
  [{ commonName: 'system:node:n', organizations: ['system:nodes'] }],
  [{ commonName: 'system:node:n', organizations: ['system:nodes'], dnsNames: ['n', 'n.lan'], ips: ['10.0.0.1', 'fd00:0:0:0:0:0:0:1'] }],
])('a request that was made here is read here: %o', (names) => {
  const read = parseSigningRequest(createSigningRequest(names, newKey()));
  expect(read).toMatchObject({ dnsNames: [], ips: [], emails: [], uris: [], ...names });
});
