// X.509 certificates on ECDSA P-256: an authority, leaves, subjects, signing requests. PEM in and out.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import {
  bitString,
  boolean,
  children,
  context,
  integer,
  type Node,
  octetString,
  oid,
  only,
  readOid,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

export interface Subject {
  commonName: string;
  organizations: readonly string[];
}

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

const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
};

const SIGNATURE_ALGORITHM = sequence(oid(OID.ecdsaWithSha256));
const KEY_USAGE = { digitalSignature: 0x80, keyEncipherment: 0x20, keyCertSign: 0x04, crlSign: 0x02 };

const toPem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replaceAll(/(.{64})(?!$)/g, '$1\n')}\n-----END ${label}-----\n`;

/** DER of the first PEM block with that label. @throws Error when there is none */
function fromPem(label: string, pem: string): Buffer {
  const match = new RegExp(`-----BEGIN ${label}-----([\\s\\S]*?)-----END ${label}-----`).exec(pem);
  if (!match) throw new Error(`no PEM block ${label}`);
  return Buffer.from(match[1] as string, 'base64');
}

/** A new P-256 private key as PEM (`EC PRIVATE KEY`): clients that choose the algorithm by that line (fabric8) read no other form. */
export function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
}

/** Private key of 2048 bits, PKCS #8 PEM; made on another thread. */
export async function newRsaKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

/** First 20 bytes of the public key: any unique value serves as key identifier (RFC 5280 4.2.1.2). */
const keyId = (spki: Buffer): Buffer => spki.subarray(-32, -12);

const nameOf = ({ commonName, organizations }: Subject): Buffer =>
  sequence(
    ...organizations.map((o) => set(sequence(oid(OID.organization), utf8String(o)))),
    set(sequence(oid(OID.commonName), utf8String(commonName))),
  );

const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  critical ? sequence(oid(id), boolean(true), octetString(value)) : sequence(oid(id), octetString(value));

function keyUsage(bits: number): Buffer {
  const unused = Math.clz32(bits & -bits) === 32 ? 0 : 31 - Math.clz32(bits & -bits);
  return extension(OID.keyUsage, bitString(Buffer.from([bits]), unused), true);
}

function ipBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number));
  if (isIP(ip) !== 6) throw new Error(`not an IP address: ${ip}`);
  const [headText = '', tailText] = ip.split('::');
  const words = (text: string) =>
    text
      .split(':')
      .filter((w) => w !== '')
      .map((w) => Number.parseInt(w, 16));
  const head = words(headText);
  const tail = tailText === undefined ? [] : words(tailText);
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((w) => [w >> 8, w & 0xff]));
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
  const names = [
    ...(request.dnsNames ?? []).map((name) => context(2, Buffer.from(name, 'ascii'), false)),
    ...(request.ips ?? []).map((ip) => context(7, ipBytes(ip), false)),
  ];
  return [
    keyUsage(KEY_USAGE.digitalSignature | KEY_USAGE.keyEncipherment),
    extension(OID.extKeyUsage, sequence(...usages)),
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.authorityKeyId, sequence(context(0, keyId(ca.publicKey.export({ type: 'spki', format: 'der' })), false))),
    ...(names.length > 0 ? [extension(OID.subjectAltName, sequence(...names))] : []),
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

function readName(name: Node): Subject {
  const subject = { commonName: '', organizations: [] as string[] };
  for (const attribute of children(name.content).flatMap((rdn) => children(rdn.content))) {
    const [type, value] = children(attribute.content);
    if (!type || !value) continue;
    const id = readOid(type.content);
    if (id === OID.commonName) subject.commonName = value.content.toString('utf8');
    if (id === OID.organization) subject.organizations.push(value.content.toString('utf8'));
  }
  return subject;
}

/** When the certificate's life ends. @throws Error when it is none */
export const notAfterMs = (cert: Uint8Array | string): number => Date.parse(new X509Certificate(cert).validTo);

/** Common name and organizations of a certificate (DER or PEM): user and groups of a client. */
export function subjectOf(cert: Uint8Array | string): Subject {
  return readName(only(rawSubject(new X509Certificate(cert))));
}

export interface SigningRequest extends Subject {
  dnsNames: string[];
  ips: string[];
  emails: string[];
  uris: string[];
  /** DER SubjectPublicKeyInfo. */
  spki: Buffer;
}

const SIGNATURE_HASHES: Record<string, string | undefined> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
};

/** Reads a PKCS #10 request (PEM) and checks its own signature. @throws Error when it is malformed or the signature does not hold */
export function parseSigningRequest(pem: string): SigningRequest {
  const [info, algorithm, signature] = children(only(fromPem('CERTIFICATE REQUEST', pem)).content);
  if (!info || !algorithm || !signature) throw new Error('malformed certificate request');
  const [, name, spki, attributes] = children(info.content);
  if (!name || !spki) throw new Error('malformed certificate request');
  const algorithmId = readOid(children(algorithm.content)[0]!.content);
  const key = createPublicKey({ key: spki.raw, type: 'spki', format: 'der' });
  const hash = algorithmId === '1.3.101.112' ? null : SIGNATURE_HASHES[algorithmId];
  if (hash === undefined || !verify(hash, info.raw, key, signature.content.subarray(1)))
    throw new Error('the signature of the certificate request is not valid');
  const request: SigningRequest = { ...readName(name), dnsNames: [], ips: [], emails: [], uris: [], spki: spki.raw };
  for (const general of alternativeNames(attributes)) {
    const text = general.content.toString('latin1');
    if (general.tag === 0x81) request.emails.push(text);
    if (general.tag === 0x82) request.dnsNames.push(text);
    if (general.tag === 0x86) request.uris.push(text);
    if (general.tag === 0x87) request.ips.push(ipText(general.content));
  }
  return request;
}

function alternativeNames(attributes: Node | undefined): Node[] {
  for (const attribute of attributes ? children(attributes.content) : []) {
    const [type, values] = children(attribute.content);
    if (!type || !values || readOid(type.content) !== OID.extensionRequest) continue;
    for (const item of children(only(values.content).content)) {
      const parts = children(item.content);
      if (readOid(parts[0]!.content) === OID.subjectAltName) return children(only(parts.at(-1)!.content).content);
    }
  }
  return [];
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return words.join(':');
}
