// A certificate from the cluster: a CertificateSigningRequest, somebody's approval, the signer's answer.
import { createHash, createPublicKey } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { CertificateSigningRequest } from '../../api/gen/types/certificates.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { readFileIfExists, writeFileAtomic } from '../../kit/fs/index.ts';
import { createSigningRequest, type KeyPair, newKey, type RequestedNames } from '../../kit/net/index.ts';
import { belongTogether } from './pair-file.ts';

export interface Wanted {
  signerName: string;
  /** Beside `digital signature`. */
  usage: 'client auth' | 'server auth';
  names: RequestedNames;
  /** Start of the request's name. */
  prefix: string;
}

/** How long somebody may take to approve it before it is looked after again, as kubelet waits. */
export const APPROVAL_TIMEOUT_MS = 15 * 60_000;

type Csr = CertificateSigningRequest & KubeObject;

/**
 * Asks and waits for the answer. The key waits in `keyFile`, and the request's name follows from it: whoever is killed in between
 * finds the same request again. @throws Error when it is denied, failed, or unanswered when `signal` aborts
 */
export async function requestCertificate(client: Client, wanted: Wanted, keyFile: string, signal: AbortSignal): Promise<KeyPair> {
  const key = await pendingKey(keyFile);
  const name = requestName(wanted, key);
  const csr = await ask(client, wanted, name, key);
  try {
    const cert = certificateIn(csr) ?? (await answer(client, csr, signal));
    if (!belongTogether(cert, key)) throw new Refused(`the certificate of ${name} is for another key`);
    return { cert, key };
  } catch (error) {
    if (error instanceof Refused) await rm(keyFile, { force: true }); // the next request is another one
    throw error;
  }
}

class Refused extends Error {}

async function pendingKey(file: string): Promise<string> {
  const before = await readFileIfExists(file);
  if (before !== undefined && isKey(before)) return before;
  const key = newKey();
  await writeFileAtomic(file, key, { mode: 0o600, durable: true });
  return key;
}

function isKey(text: string): boolean {
  try {
    createPublicKey(text);
    return true;
  } catch {
    return false;
  }
}

/** The same for the same key and wishes. */
function requestName(wanted: Wanted, key: string): string {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const digest = createHash('sha256').update(publicKey).update(JSON.stringify(wanted)).digest('hex');
  return `${wanted.prefix}${digest.slice(0, 32)}`;
}

async function ask(client: Client, { signerName, usage, names }: Wanted, name: string, key: string): Promise<Csr> {
  const request = Buffer.from(createSigningRequest(names, key)).toString('base64');
  try {
    return await client.create<Csr>(RESOURCES.certificatesigningrequests, {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: { request, signerName, usages: ['digital signature', usage] },
    } as Csr);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    return await client.get<Csr>(RESOURCES.certificatesigningrequests, name);
  }
}

/** @throws Refused when the answer is no */
function certificateIn({ metadata, status }: Csr): string | undefined {
  const no = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (no)
    throw new Refused(
      `certificate request ${metadata.name} was ${no.type === 'Denied' ? 'denied' : 'not signed'}: ${no.message ?? no.reason}`,
    );
  return status?.certificate ? Buffer.from(String(status.certificate), 'base64').toString() : undefined;
}

async function answer(client: Client, csr: Csr, signal: AbortSignal): Promise<string> {
  const { name, resourceVersion = '0' } = csr.metadata;
  const params = { fieldSelector: `metadata.name=${name}`, resourceVersion };
  for await (const { type, object } of client.watch<Csr>(RESOURCES.certificatesigningrequests, params, signal)) {
    if (type === 'BOOKMARK') continue;
    const cert = type === 'DELETED' ? undefined : certificateIn(object);
    if (cert !== undefined) return cert;
    if (type === 'DELETED') throw new Error(`certificate request ${name} was deleted before it was signed`);
  }
  signal.throwIfAborted();
  throw new Error(`the watch of certificate request ${name} ended`);
}
