// A cluster's keys and certificates: made once, kept in one file so that a kill -9 leaves all of them or none.

import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { lockFile, readFileIfExists, writeFileAtomic } from '../fs/index.ts';
import { systemClock } from '../run/index.ts';
import { createCa, issue, type KeyPair, newRsaKey } from './certificates.ts';

export interface Pki {
  ca: KeyPair;
  /** Serves the API. */
  apiServer: KeyPair;
  /** The API server towards agents (kube-apiserver-kubelet-client, system:masters). */
  kubeletClient: KeyPair;
  /** kubernetes-admin in system:masters. */
  admin: KeyPair;
  /** Signs `frontProxyClient` alone: who comes with its certificates may say who somebody else is. */
  frontProxyCa: KeyPair;
  /** The API server towards extension servers (front-proxy-client). */
  frontProxyClient: KeyPair;
  /** Signs service account tokens: RSA of 2048 bits (clusters made by older versions: EC P-256), PKCS #8 PEM. */
  serviceAccountKey: string;
}

export interface PkiOptions {
  clusterName: string;
  /** Beyond kubernetes, kubernetes.default(.svc(.cluster.local)) and localhost. */
  apiServerNames?: readonly string[];
  /** The Service address of the API, the LAN address ...; 127.0.0.1 is always there. */
  apiServerIps: readonly string[];
}

const API_NAMES = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', 'localhost'];
const RENEW_BEFORE_MS = 30 * 86_400_000;
const LOCK_TIMEOUT_MS = 10_000;

function issueApiServer(ca: KeyPair, options: PkiOptions, nowMs: number): KeyPair {
  const dnsNames = [...new Set([...API_NAMES, ...(options.apiServerNames ?? [])])];
  const ips = [...new Set(['127.0.0.1', ...options.apiServerIps])];
  return issue(ca, { commonName: 'kube-apiserver', dnsNames, ips, usages: ['server'] }, nowMs);
}

const issueKubeletClient = (ca: KeyPair, nowMs: number): KeyPair =>
  issue(ca, { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'], usages: ['client'] }, nowMs);

const issueFrontProxyClient = (ca: KeyPair, nowMs: number): KeyPair =>
  issue(ca, { commonName: 'front-proxy-client', usages: ['client'] }, nowMs);

const issueAdmin = (ca: KeyPair, nowMs: number): KeyPair =>
  issue(ca, { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] }, nowMs);

function servesAll(cert: string, options: PkiOptions): boolean {
  const x509 = new X509Certificate(cert);
  return options.apiServerIps.every((ip) => x509.checkIP(ip)) && (options.apiServerNames ?? []).every((name) => x509.checkHost(name));
}

const isOld = ({ cert }: KeyPair, nowMs: number): boolean => Date.parse(new X509Certificate(cert).validTo) - nowMs < RENEW_BEFORE_MS;

/** What has to be kept, and whether that differs from what was read. */
function complete(
  text: string | undefined,
  tokenKey: string,
  options: PkiOptions,
  nowMs: number,
): { pki: Pki; made: string; changed: boolean } {
  const kept: Partial<Pki> = text === undefined ? {} : (JSON.parse(text) as Partial<Pki>);
  const ca = kept.ca ?? createCa(`${options.clusterName}-ca`, nowMs);
  const frontProxyCa = kept.frontProxyCa ?? createCa(`${options.clusterName}-front-proxy-ca`, nowMs);
  const fresh = (pair: KeyPair | undefined): KeyPair | undefined => (pair && !isOld(pair, nowMs) ? pair : undefined);
  const served = fresh(kept.apiServer);
  const pki: Pki = {
    ca,
    apiServer: served && servesAll(served.cert, options) ? served : issueApiServer(ca, options, nowMs),
    kubeletClient: fresh(kept.kubeletClient) ?? issueKubeletClient(ca, nowMs),
    admin: fresh(kept.admin) ?? issueAdmin(ca, nowMs),
    frontProxyCa,
    frontProxyClient: fresh(kept.frontProxyClient) ?? issueFrontProxyClient(frontProxyCa, nowMs),
    serviceAccountKey: kept.serviceAccountKey ?? tokenKey,
  };
  const made = `${JSON.stringify(pki, null, 1)}\n`;
  return { pki, made, changed: made !== text };
}

/**
 * Reads `dir`/pki.json or makes it; two processes that start together get the same. Leaves that are about to expire, or an
 * API server certificate that lacks one of the names asked for, are issued anew; the authority and the token key stay.
 * Also writes `dir`/ca.crt for people.
 */
export async function ensurePki(dir: string, options: PkiOptions, nowMs: number = systemClock.nowMs()): Promise<Pki> {
  const path = join(dir, 'pki.json');
  const text = await readFileIfExists(path);
  if (text !== undefined) {
    const { pki, changed } = complete(text, '', options, nowMs);
    if (!changed && pki.serviceAccountKey) return pki;
  }
  const tokenKey = newRsaKey(); // on another thread meanwhile: 40 ms
  await using _ = await lockFile(join(dir, 'pki.lock'), LOCK_TIMEOUT_MS);
  const { pki, made, changed } = complete(await readFileIfExists(path), await tokenKey, options, nowMs);
  if (changed) {
    await writeFileAtomic(path, made, { mode: 0o600, durable: true });
    await writeFileAtomic(join(dir, 'ca.crt'), pki.ca.cert, { mode: 0o644 });
  }
  return pki;
}

export interface NodeIdentity {
  /** system:node:NAME in system:nodes, towards the API server. */
  client: KeyPair;
  /** Serves the node's own API on port 10250. */
  serving: KeyPair;
}

/** The two certificates of a node's agent. `ips`: the addresses it can be reached at. */
export function issueNode(ca: KeyPair, node: { name: string; ips: readonly string[] }, nowMs: number = systemClock.nowMs()): NodeIdentity {
  const commonName = `system:node:${node.name}`;
  const organizations = ['system:nodes'];
  return {
    client: issue(ca, { commonName, organizations, usages: ['client'] }, nowMs),
    serving: issue(ca, { commonName, organizations, dnsNames: [node.name], ips: node.ips, usages: ['server'] }, nowMs),
  };
}

export interface KubeconfigOptions {
  /** Name of cluster and context. */
  name: string;
  /** https://host:port */
  server: string;
  /** PEM of the authority. */
  ca: string;
  /** Default NAME-admin. */
  user?: string;
  /** `file`: a PEM file that holds certificate and key. */
  credentials: KeyPair | { token: string } | { file: string };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig with one cluster, user and context. JSON strings are valid YAML scalars. */
export function kubeconfig({ name, server, ca, user = `${name}-admin`, credentials }: KubeconfigOptions): string {
  const login =
    'token' in credentials
      ? [`    token: ${JSON.stringify(credentials.token)}`]
      : 'file' in credentials
        ? [`    client-certificate: ${JSON.stringify(credentials.file)}`, `    client-key: ${JSON.stringify(credentials.file)}`]
        : [`    client-certificate-data: ${base64(credentials.cert)}`, `    client-key-data: ${base64(credentials.key)}`];
  return [
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    `- name: ${JSON.stringify(name)}`,
    '  cluster:',
    `    certificate-authority-data: ${base64(ca)}`,
    `    server: ${JSON.stringify(server)}`,
    'users:',
    `- name: ${JSON.stringify(user)}`,
    '  user:',
    ...login,
    'contexts:',
    `- name: ${JSON.stringify(name)}`,
    '  context:',
    `    cluster: ${JSON.stringify(name)}`,
    `    user: ${JSON.stringify(user)}`,
    `current-context: ${JSON.stringify(name)}`,
    '',
  ].join('\n');
}
