// The forms that certificates and signing requests share: subjects, alternative names, PEM. DER below, der.ts.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { boolean, children, context, type Node, octetString, oid, readOid, sequence, set, utf8String } from './der.ts';

export interface Subject {
  commonName: string;
  organizations: readonly string[];
}

export const OID = {
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

export const SIGNATURE_ALGORITHM = sequence(oid(OID.ecdsaWithSha256));

export const toPem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replaceAll(/(.{64})(?!$)/g, '$1\n')}\n-----END ${label}-----\n`;

/** DER of the first PEM block with that label. @throws Error when there is none */
export function fromPem(label: string, pem: string): Buffer {
  const match = new RegExp(`-----BEGIN ${label}-----([\\s\\S]*?)-----END ${label}-----`).exec(pem);
  if (!match) throw new Error(`no PEM block ${label}`);
  return Buffer.from(match[1] as string, 'base64');
}

export const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

export const nameOf = ({ commonName, organizations }: Subject): Buffer =>
  sequence(
    ...organizations.map((o) => set(sequence(oid(OID.organization), utf8String(o)))),
    set(sequence(oid(OID.commonName), utf8String(commonName))),
  );

export function readName(name: Node): Subject {
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

export const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  critical ? sequence(oid(id), boolean(true), octetString(value)) : sequence(oid(id), octetString(value));

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

/** The extension of dNSNames and iPAddresses; none when there is no name. */
export function subjectAltNames({ dnsNames = [], ips = [] }: { dnsNames?: readonly string[]; ips?: readonly string[] }): Buffer[] {
  const names = [
    ...dnsNames.map((name) => context(2, Buffer.from(name, 'ascii'), false)),
    ...ips.map((ip) => context(7, ipBytes(ip), false)),
  ];
  return names.length > 0 ? [extension(OID.subjectAltName, sequence(...names))] : [];
}
