// PKCS #10 signing requests: made by who wants a certificate, read by who signs it. PEM in and out.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { bitString, children, context, integer, type Node, oid, only, readOid, sequence, set } from './der.ts';
import { fromPem, nameOf, OID, readName, SIGNATURE_ALGORITHM, type Subject, spkiOf, subjectAltNames, toPem } from './x509.ts';

export interface RequestedNames extends Subject {
  dnsNames?: readonly string[];
  /** IPv4 or IPv6 literals. */
  ips?: readonly string[];
}

/** A request for these names, signed with `key` (P-256, PEM). */
export function createSigningRequest(names: RequestedNames, key: string): string {
  const keyObject = createPrivateKey(key);
  const extensions = subjectAltNames(names);
  const attributes = extensions.length > 0 ? sequence(oid(OID.extensionRequest), set(sequence(...extensions))) : Buffer.alloc(0);
  const info = sequence(integer(Buffer.from([0])), nameOf(names), spkiOf(keyObject), context(0, attributes));
  return toPem('CERTIFICATE REQUEST', sequence(info, SIGNATURE_ALGORITHM, bitString(sign('sha256', info, keyObject))));
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
