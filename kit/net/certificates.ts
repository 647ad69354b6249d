// X.509 certificates on ECDSA P-256: an authority and its leaves. PEM in and out.
import { createPrivateKey, generateKeyPair, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { bitString, boolean, children, context, integer, octetString, oid, only, sequence, time } from './der.ts';
import { extension, nameOf, OID, readName, SIGNATURE_ALGORITHM, type Subject, spkiOf, subjectAltNames, toPem } from './x509.ts';

export type { Subject } from './x509.ts';

/** A certificate with its private key (PKCS #8), both PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

export type Usage = 'client' | 'server';

export interface LeafRequest {
  commonName: string;
  organizations?: readonly string[];
  dnsNames?: readonly string[];
  /** IPv4 or IPv6 literals. */
  ips?: readonly string[];
  usages: readonly Usage[];
  /** Validity from now; default 365. */
  days?: number;
}

const DAY_MS = 86_400_000;
/** Clocks of nodes may lag behind: certificates are valid a little before they are made. */
const BACKDATE_MS = 5 * 60_000;

const KEY_USAGE = { digitalSignature: 0x80, keyEncipherment: 0x20, keyCertSign: 0x04, crlSign: 0x02 };

/** A new P-256 private key as PEM (`EC PRIVATE KEY`): clients that choose the algorithm by that line (fabric8) read no other form. */
export function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
}

/** Private key of 2048 bits, PKCS #8 PEM; made on another thread. */
export async function newRsaKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** First 20 bytes of the public key: any unique value serves as key identifier (RFC 5280 4.2.1.2). */
const keyId = (spki: Buffer): Buffer => spki.subarray(-32, -12);

function keyUsage(bits: number): Buffer {
  const unused = Math.clz32(bits & -bits) === 32 ? 0 : 31 - Math.clz32(bits & -bits);
  return extension(OID.keyUsage, bitString(Buffer.from([bits]), unused), true);
}

interface Contents {
  subject: Buffer;
  issuer: Buffer;
  spki: Buffer;
  extensions: readonly Buffer[];
  days: number;
  nowMs: number;
}

function signed({ subject, issuer, spki, extensions, days, nowMs }: Contents, signer: KeyObject): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const toBeSigned = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(serial),
    SIGNATURE_ALGORITHM,
    issuer,
    sequence(time(nowMs - BACKDATE_MS), time(nowMs + days * DAY_MS)),
    subject,
    spki,
    context(3, sequence(...extensions)),
  );
  return toPem('CERTIFICATE', sequence(toBeSigned, SIGNATURE_ALGORITHM, bitString(sign('sha256', toBeSigned, signer))));
}

/** A self-signed authority, valid ten years. `nowMs`: milliseconds since the epoch. */
export function createCa(commonName: string, nowMs: number): KeyPair {
  const key = newKey();
  const keyObject = createPrivateKey(key);
  const spki = spkiOf(keyObject);
  const name = nameOf({ commonName, organizations: [] });
  const extensions = [
    keyUsage(KEY_USAGE.digitalSignature | KEY_USAGE.keyEncipherment | KEY_USAGE.keyCertSign),
    extension(OID.basicConstraints, sequence(boolean(true)), true),
    extension(OID.subjectKeyId, octetString(keyId(spki))),
  ];
  return { cert: signed({ subject: name, issuer: name, spki, extensions, days: 3650, nowMs }, keyObject), key };
}

/** The subject as it stands in the certificate: a leaf's issuer must be byte for byte the authority's subject. */
function rawSubject(cert: X509Certificate): Buffer {
  const fields = children(only(children(only(cert.raw).content)[0]!.raw).content);
  return fields[5]!.raw;
}

function leafExtensions(request: LeafRequest, ca: X509Certificate): Buffer[] {
  const usages = request.usages.map((usage) => oid(usage === 'client' ? OID.clientAuth : OID.serverAuth));
  return [
    keyUsage(KEY_USAGE.digitalSignature | KEY_USAGE.keyEncipherment),
    extension(OID.extKeyUsage, sequence(...usages)),
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.authorityKeyId, sequence(context(0, keyId(ca.publicKey.export({ type: 'spki', format: 'der' })), false))),
    ...subjectAltNames(request),
  ];
}

/** A new key and its certificate, signed by `ca`. */
export function issue(ca: KeyPair, request: LeafRequest, nowMs: number): KeyPair {
  const key = newKey();
  return { cert: certify(ca, request, spkiOf(createPrivateKey(key)), nowMs), key };
}

/** A certificate for a public key that somebody else holds. `spki`: DER SubjectPublicKeyInfo. */
export function certify(ca: KeyPair, request: LeafRequest, spki: Buffer, nowMs: number): string {
  const caCert = new X509Certificate(ca.cert);
  const subject = nameOf({ commonName: request.commonName, organizations: request.organizations ?? [] });
  const contents = {
    subject,
    issuer: rawSubject(caCert),
    spki,
    extensions: leafExtensions(request, caCert),
    days: request.days ?? 365,
    nowMs,
  };
  return signed(contents, createPrivateKey(ca.key));
}

/** When the certificate's life ends. @throws Error when it is none */
export const notAfterMs = (cert: Uint8Array | string): number => Date.parse(new X509Certificate(cert).validTo);

/** Common name and organizations of a certificate (DER or PEM): user and groups of a client. */
export function subjectOf(cert: Uint8Array | string): Subject {
  return readName(only(rawSubject(new X509Certificate(cert))));
}
