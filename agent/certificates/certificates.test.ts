import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StatusError } from '../../api/meta/index.ts';
import type { Client } from '../../kit/client/index.ts';
import { certify, createCa, issue, type KeyPair, newKey, parseSigningRequest, subjectOf } from '../../kit/net/index.ts';
import { silentLogger, systemClock } from '../../kit/run/index.ts';
import { renewalMs } from './life.ts';
import { readPair, usable, writePair } from './pair-file.ts';
import { requestCertificate, type Wanted } from './request.ts';
import { renew } from './rotation.ts';

const DAY_MS = 86_400_000;
const now = Date.now();
const ca = createCa('ca', now);
const wanted: Wanted = {
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
  usage: 'client auth',
  names: { commonName: 'system:node:n', organizations: ['system:nodes'] },
  prefix: 'csr-',
};
const never = new AbortController().signal;

type Answer = 'signed' | 'denied' | 'deleted' | 'killed' | 'for another key';

/** An API server of certificate requests: `answers` in the order in which requests are watched. */
class Requests {
  readonly made: string[] = [];
  readonly #objects = new Map<string, { metadata: { name: string }; spec: { request: string }; status?: object }>();
  readonly #answers: Answer[];
  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  client(): Client {
    const requests = this;
    return {
      create: async (_: unknown, csr: { metadata: { name: string }; spec: { request: string } }) => {
        const { name } = csr.metadata;
        if (requests.#objects.has(name)) throw new StatusError(409, 'AlreadyExists', 'is there');
        requests.made.push(name);
        requests.#objects.set(name, csr);
        return csr;
      },
      get: async (_: unknown, name: string) => requests.#objects.get(name),
      async *watch(_: unknown, { fieldSelector }: { fieldSelector: string }) {
        const csr = requests.#objects.get(fieldSelector.slice('metadata.name='.length))!;
        const answer = requests.#answers.shift() ?? 'killed';
        if (answer === 'killed') throw new Error('killed');
        if (answer === 'deleted') requests.#objects.delete(csr.metadata.name);
        if (answer === 'denied') csr.status = { conditions: [{ type: 'Denied', status: 'True', message: 'no' }] };
        if (answer === 'signed' || answer === 'for another key') csr.status = { certificate: sign(csr.spec.request, answer) };
        yield { type: answer === 'deleted' ? 'DELETED' : 'MODIFIED', object: csr };
      },
    } as unknown as Client;
  }
}

function sign(request: string, answer: Answer): string {
  const asked = parseSigningRequest(Buffer.from(request, 'base64').toString());
  if (answer === 'for another key') return Buffer.from(issue(ca, { ...asked, usages: ['client'] }, now).cert).toString('base64');
  return Buffer.from(certify(ca, { ...asked, usages: ['client'] }, asked.spki, now)).toString('base64');
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificates-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a certificate is replaced between 70 and 90 % of its life', () => {
  const life = { fromMs: 1000, toMs: 2000 };
  expect([0, 0.5, 1].map((random) => renewalMs(life, random))).toEqual([1700, 1800, 1900]);
});

test('a pair comes back as it was written; half a file, or a key of another, is none', async () => {
  const file = join(folder, 'client.pem');
  const [pair, other] = [1, 2].map(() => issue(ca, { commonName: 'a', usages: ['client'] }, now)) as [KeyPair, KeyPair];
  expect(await readPair(file)).toBeUndefined();
  await writePair(file, pair);
  expect(await readPair(file)).toEqual(pair);
  await writeFile(file, pair.cert + other.key);
  expect(await readPair(file)).toBeUndefined();
  await writeFile(file, pair.cert);
  expect(await readPair(file)).toBeUndefined();
});

test('of several pairs the longest lived of the authority is used, never one that has ended', () => {
  const leaf = (authority: KeyPair, days: number) => issue(authority, { commonName: 'a', usages: ['client'], days }, now);
  const [long, short, ended] = [leaf(ca, 2), leaf(ca, 1), leaf(ca, 0)];
  const foreign = leaf(createCa('other', now), 9);
  const damaged = { cert: 'x', key: 'y' };
  expect(usable([short, foreign, undefined, damaged, ended, long], ca.cert, now + DAY_MS / 2)).toEqual([long, short]);
});

test('a new certificate is on disk before it is used, and its key waits nowhere else any more', async () => {
  const file = join(folder, 'client.pem');
  const used: KeyPair[] = [];
  const requests = new Requests('signed');
  const options = { client: requests.client(), clock: systemClock, log: silentLogger, random: () => 0, wanted, file };
  const pair = await renew({ ...options, use: (given) => used.push(given) }, never);
  expect(await readPair(file)).toEqual(pair);
  expect(used).toEqual([pair]);
  expect(subjectOf(pair.cert)).toEqual({ commonName: 'system:node:n', organizations: ['system:nodes'] });
  expect(await readdir(folder)).toEqual(['client.pem']);
});

test('whoever is killed while it waits finds its request again', async () => {
  const requests = new Requests('killed', 'signed');
  const keyFile = join(folder, 'key');
  await expect(requestCertificate(requests.client(), wanted, keyFile, never)).rejects.toThrow('killed');
  await requestCertificate(requests.client(), wanted, keyFile, never);
  expect(requests.made).toHaveLength(1);
});

test.each<[Answer, RegExp, number]>([
  ['denied', /was denied: no/, 2],
  ['for another key', /is for another key/, 2],
  ['deleted', /was deleted before it was signed/, 1],
])('after %s the next request is a new one, with a new key where the answer was no', async (answer, why, names) => {
  const requests = new Requests(answer, 'signed');
  const keyFile = join(folder, 'key');
  await expect(requestCertificate(requests.client(), wanted, keyFile, never)).rejects.toThrow(why);
  await requestCertificate(requests.client(), wanted, keyFile, never);
  expect(requests.made).toHaveLength(2);
  expect(new Set(requests.made).size).toBe(names);
});

test('a damaged waiting key is thrown away', async () => {
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, newKey().slice(0, 50));
  await requestCertificate(new Requests('signed').client(), wanted, keyFile, never);
});
