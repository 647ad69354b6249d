// Where images come from, on a cluster: private registries, authorities, mirrors, proxies, credential providers; registries that
// misbehave; an agent that is killed while it pulls. What a user is told, and that the next pull works.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dockerArchive } from '../../agent/images/testing.ts';
import type { Event, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { createCa, issue } from '../../kit/net/index.ts';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';
import { missingForRegistry, push, REGISTRY, startRegistry } from './registry.ts';
import { type FrontConfig, PORTS } from './registry-front.ts';

type PodObject = Pod & KubeObject;
const NODE = 'node-1';
/** Of the first node of every cluster. */
const ADDRESS = '172.30.0.11';
const at = (port: keyof typeof PORTS) => `${ADDRESS}:${PORTS[port]}`;
const DOWN = `http://${at('nobody')}`;
/** Names that nobody can look up. */
const MIRRORED = 'mirrored.test';
const PROXIED = `proxied.test:${PORTS.plain}`;
const TUNNELLED = `tunnelled.test:${PORTS.private}`;
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** What a pod whose image is of such a repository says until the repository is healed. */
const FAULTS: Record<string, RegExp> = {
  html: /the answer is a web page \(text\/html\): 172\.30\.0\.11:5090 is no registry/,
  broken: /unexpected status from GET request .* 500 Internal Server Error/,
  busy: /429 Too Many Requests \(asks to try again after 3600 s\)/,
  loop: /stopped after 10 redirects/,
  forged: /blob sha256:\w+ is sha256:|layer sha256:\w+ is|not a tar/,
  short: /0 of \d+ bytes came/,
};

const lacking = missingForRegistry();

describe.skipIf(lacking.length > 0)(`registries${lacking.length > 0 ? ` (not installed: ${lacking.join(', ')})` : ''}`, () => {
  let cluster: Cluster;
  let folder: string;
  let config: Record<string, string>;

  beforeAll(async () => {
    folder = mkdtempSync(`${tmpdir()}/wherry-registries-`);
    for (const name of ['healed', 'bin', 'content']) mkdirSync(`${folder}/${name}`);
    const certificate = makeCertificates();
    cluster = await startCluster({
      mirrors: { [MIRRORED]: [DOWN, `http://${at('plain')}`], [REGISTRY]: [DOWN] },
      insecureRegistries: [at('plain'), at('faulty'), PROXIED],
      registryCertsDir: `${folder}/certs.d`,
    });
    config = await agentConfig(cluster, NODE);
    await startRegistry(cluster, NODE, `${folder}/registry`);
    await startFront(certificate);
    const images = ['app', 'provided/app', 'tokened/app', 'absent', 'silent/app', ...Object.keys(FAULTS).map((name) => `${name}/app`)];
    await Promise.all(images.map(async (name, index) => push(cluster, NODE, await uniqueImage(index), `${name}:1`)));
    await configureAgent();
    const credentials = ['--docker-username=wherry', '--docker-password=secret'];
    for (const [name, server] of Object.entries({ door: at('private'), tunnel: TUNNELLED }))
      await cluster.kubectl(['create', 'secret', 'docker-registry', name, `--docker-server=${server}`, ...credentials]);
  }, 300_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** Trusts our authority for two registries and another one for a third. Returns the certificate of all. */
  function makeCertificates(): { cert: string; key: string } {
    const nowMs = systemClock.nowMs();
    const [ours, theirs] = [createCa('ours', nowMs), createCa('theirs', nowMs)];
    for (const [host, { cert }] of [[at('private'), ours] as const, [TUNNELLED, ours] as const, [at('stranger'), theirs] as const]) {
      mkdirSync(`${folder}/certs.d/${host}`, { recursive: true });
      writeFileSync(`${folder}/certs.d/${host}/ca.crt`, cert);
    }
    return issue(ours, { commonName: 'registry', usages: ['server'], ips: [ADDRESS], dnsNames: [TUNNELLED.split(':')[0]!] }, nowMs);
  }

  async function startFront(certificate: { cert: string; key: string }): Promise<void> {
    const keys = [basic('wherry', 'secret'), basic('provider', 'provided')];
    const front: FrontConfig = {
      ...{ upstream: REGISTRY, address: ADDRESS, log: `${folder}/asked`, healed: `${folder}/healed` },
      ...{ keys, ...certificate },
    };
    writeFileSync(front.log, '');
    writeFileSync(`${folder}/front.json`, JSON.stringify(front));
    const program = join(import.meta.dirname, 'registry-front.ts');
    await cluster.startOnNode(NODE, [process.execPath, program, `${folder}/front.json`], `${folder}/front.log`);
    await waitFor({ what: 'the front of the registry', timeoutMs: 120_000, everyMs: 100 }, async () => {
      await cluster.onNode(NODE, ['curl', '--silent', '--fail', `http://${at('faulty')}/v2/`]);
      return true;
    });
  }

  /** busybox and a file that no other image has, in one layer that is sent as it is. */
  async function uniqueImage(index: number): Promise<string> {
    const root = `${folder}/content/${index}`;
    mkdirSync(`${root}/bin`, { recursive: true });
    await copyFile('/bin/busybox', `${root}/bin/busybox`);
    writeFileSync(`${root}/which`, `${folder} ${index}`);
    return await dockerArchive(folder, `app:${index}`, [root], { Cmd: ['/bin/busybox', 'sleep', '1000'] });
  }

  /** A program that knows the credentials of a repository, and keeps what it is asked in `NAME-asked`. */
  function writeProvider(name: string, repository: string): void {
    const answer = {
      kind: 'CredentialProviderResponse',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      cacheKeyType: 'Registry',
      cacheDuration: '1h',
      auth: { [`${at('private')}/${repository}`]: { username: 'provider', password: 'provided' } },
    };
    const asked = `${folder}/${name}-asked`;
    const script = `#!/bin/sh\n/bin/cat >> ${asked}\necho >> ${asked}\necho '${JSON.stringify(answer)}'\n`;
    writeFileSync(`${folder}/bin/${name}`, script, { mode: 0o755 });
  }

  /** Images of its own, and credential providers. */
  async function configureAgent(): Promise<void> {
    writeProvider('provider', 'provided');
    writeProvider('token-provider', 'tokened');
    writeFileSync(
      `${folder}/providers.yaml`,
      `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: provider
  matchImages: ['${at('private')}/provided']
  defaultCacheDuration: 10m
  apiVersion: credentialprovider.kubelet.k8s.io/v1
- name: token-provider
  matchImages: ['${at('private')}/tokened']
  defaultCacheDuration: 10m
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  tokenAttributes:
    serviceAccountTokenAudience: registry.test
    cacheType: ServiceAccount
    requireServiceAccount: true
    requiredServiceAccountAnnotationKeys: [registry.test/team]
`,
    );
    const settings = {
      imagesDir: `${folder}/images`,
      imageCredentialProviderConfig: `${folder}/providers.yaml`,
      imageCredentialProviderBinDir: `${folder}/bin`,
    };
    await writeFile(join(dirname(config['kubeconfig']!), 'settings.json'), JSON.stringify(settings));
    await startAgentAnew();
  }

  /** With the proxy in its environment, which it takes from who starts it. */
  async function startAgentAnew(): Promise<void> {
    const proxy = { HTTP_PROXY: `http://${at('proxy')}`, HTTPS_PROXY: `http://${at('proxy')}`, NO_PROXY: '172.30.0.0/24' };
    Object.assign(process.env, proxy);
    try {
      await cluster.kill(NODE);
      await cluster.restart();
    } finally {
      for (const name of Object.keys(proxy)) delete process.env[name];
    }
  }

  const create = (name: string, image: string, imagePullPolicy = 'Always', spec: object = {}) =>
    cluster.client.create<PodObject>(
      RESOURCES.pods,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image, imagePullPolicy }], ...spec },
      } as unknown as PodObject,
      { namespace: 'default' },
    );
  const until = (name: string, what: string, done: (pod: PodObject) => boolean, timeoutMs = 60_000) =>
    waitFor({ what: `${name} ${what}`, timeoutMs, everyMs: 100 }, async () => {
      const pod = await cluster.client.get<PodObject>(RESOURCES.pods, name, { namespace: 'default' });
      if (done(pod)) return pod;
      throw new Error(JSON.stringify(pod.status?.containerStatuses ?? pod.status));
    });
  const runs = (name: string) => until(name, 'to run', ({ status }) => status?.containerStatuses?.[0]?.ready === true, 120_000);
  const waiting = ({ status }: PodObject) => status?.containerStatuses?.[0]?.state?.waiting;
  const waitsFor = (name: string, reason: string) => until(name, `to be ${reason}`, (pod) => waiting(pod)?.reason === reason);
  /** Until the pod has an event of this reason whose message matches. */
  const told = (name: string, reason: string, message: string | RegExp) =>
    waitFor({ what: `event ${reason} of ${name}: ${message}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
      const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
      const { items } = await cluster.client.list<Event & KubeObject>(RESOURCES.events, { namespace: 'default', fieldSelector });
      const messages = items.map((event) => event.message ?? '');
      if (messages.some((text) => (typeof message === 'string' ? text === message : message.test(text)))) return true;
      throw new Error(JSON.stringify(messages));
    });
  const asked = (file = 'asked') => readFileSync(`${folder}/${file}`, 'utf8').split('\n').filter(Boolean);
  const heal = (repository: string) => writeFileSync(`${folder}/healed/${repository}`, '');

  test('a private registry with an authority of its own: a secret of the pod, of its service account, none', async () => {
    const image = `${at('private')}/app:1`;
    await cluster.kubectl(['create', 'serviceaccount', 'puller']);
    await cluster.kubectl(['patch', 'serviceaccount', 'puller', '-p', '{"imagePullSecrets":[{"name":"door"}]}']);
    await create('with-secret', image, 'Always', { imagePullSecrets: [{ name: 'door' }] });
    await create('with-account', image, 'Always', { serviceAccountName: 'puller' });
    await create('without', image, 'Always', { imagePullSecrets: [{ name: 'nowhere' }] });
    await told('with-secret', 'Pulling', `Pulling image "${image}"`);
    await runs('with-secret');
    await told('with-secret', 'Pulled', /^Successfully pulled image "\S+" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\.$/);
    expect((await runs('with-account')).spec?.imagePullSecrets).toEqual([{ name: 'door' }]);
    const refusal = /pull access denied, repository does not exist or may require authorization/;
    await told('without', 'Failed', new RegExp(`^Failed to pull image "${image}": .*${refusal.source}`));
    await told('without', 'Failed', 'Error: ErrImagePull');
    const lost = 'Unable to retrieve some image pull secrets (nowhere); attempting to pull the image may not succeed.';
    await told('without', 'FailedToRetrieveImagePullSecret', lost);
    expect(waiting(await waitsFor('without', 'ImagePullBackOff'))?.message).toMatch(
      new RegExp(`^Back-off pulling image "${image}": ErrImagePull: .*${refusal.source}`),
    );
    await told('without', 'BackOff', `Back-off pulling image "${image}"`);
  });

  test('an image that was pulled with a secret is for who can open its registry, not for the whole node', async () => {
    const image = `${at('private')}/app:1`;
    const present = `Container image "${image}" already present on machine and can be accessed by the pod`;
    await create('opener', image, 'IfNotPresent', { imagePullSecrets: [{ name: 'door' }] });
    await runs('opener');
    await create('again', image, 'IfNotPresent', { imagePullSecrets: [{ name: 'door' }] });
    await create('never-again', image, 'Never', { imagePullSecrets: [{ name: 'door' }] });
    for (const name of ['again', 'never-again']) {
      await runs(name);
      await told(name, 'Pulled', present);
    }
    await create('locked-out', image, 'IfNotPresent');
    await create('locked-out-never', image, 'Never');
    await told('locked-out', 'Failed', new RegExp(`^Failed to pull image "${image}": .*may require authorization`));
    await told('locked-out-never', 'ErrImageNeverPull', `Container image "${image}" is not present with pull policy of Never`);
    await startAgentAnew();
    await create('locked-out-still', image, 'IfNotPresent');
    await told('locked-out-still', 'Failed', /may require authorization/);
  });

  test('an authority that is not trusted, and no TLS where there should be', async () => {
    await create('stranger', `${at('stranger')}/app:1`);
    await create('no-tls', `${ADDRESS}:${PORTS.proxy}/app:1`);
    await told('stranger', 'Failed', /tls: failed to verify certificate: x509: certificate signed by unknown authority/);
    await told('no-tls', 'Failed', /http: server gave HTTP response to HTTPS client/);
  });

  test('a credential provider is asked about the image once, and its answer kept', async () => {
    for (const name of ['provided', 'provided-again']) {
      await create(name, `${at('private')}/provided/app:1`);
      await runs(name);
    }
    const request = { kind: 'CredentialProviderRequest', apiVersion: 'credentialprovider.kubelet.k8s.io/v1' };
    expect(asked('provider-asked').map((line) => JSON.parse(line))).toEqual([{ ...request, image: `${at('private')}/provided/app` }]);
  });

  test("a credential provider with a token of the pod's service account, whose image it then is", async () => {
    const image = `${at('private')}/tokened/app:1`;
    await cluster.kubectl(['apply', '-f', '-'], { input: nodesMayAskFor('registry.test') });
    await cluster.kubectl(['create', 'serviceaccount', 'team-a']);
    await cluster.kubectl(['annotate', 'serviceaccount', 'team-a', 'registry.test/team=a']);
    await create('tokened', image, 'IfNotPresent', { serviceAccountName: 'team-a' });
    await runs('tokened');
    await create('tokened-again', image, 'IfNotPresent', { serviceAccountName: 'team-a' });
    await runs('tokened-again');
    await create('no-team', image, 'IfNotPresent');
    await told('no-team', 'Failed', /may require authorization/);
    const questions = asked('token-provider-asked').map((line) => JSON.parse(line));
    expect(questions).toMatchObject([{ image: image.replace(/:1$/, ''), serviceAccountAnnotations: { 'registry.test/team': 'a' } }]);
    const claims = JSON.parse(Buffer.from(questions[0].serviceAccountToken.split('.')[1], 'base64url').toString());
    expect(claims).toMatchObject({
      aud: ['registry.test'],
      sub: 'system:serviceaccount:default:team-a',
      'kubernetes.io': { pod: { name: 'tokened' } },
    });
  });

  test('a registry without TLS that is listed; mirrors, the first of them down; the registry itself when all are', async () => {
    await create('plain', `${at('plain')}/app:1`);
    await create('mirrored', `${MIRRORED}/app:1`);
    await create('past-mirrors', `${REGISTRY}/app:1`);
    for (const name of ['plain', 'mirrored', 'past-mirrors']) await runs(name);
  });

  test("the proxy of the agent's environment: without TLS, and by a tunnel", async () => {
    await create('proxied', `${PROXIED}/app:1`);
    await create('tunnelled', `${TUNNELLED}/app:1`, 'Always', { imagePullSecrets: [{ name: 'tunnel' }] });
    for (const name of ['proxied', 'tunnelled']) await runs(name);
    const proxied = asked().filter((line) => line.startsWith('proxy '));
    expect(proxied).toContain(`proxy GET http://${PROXIED}/v2/app/manifests/1`);
    expect(proxied).toContain(`proxy CONNECT ${TUNNELLED}`);
    expect(proxied.filter((line) => line.includes(ADDRESS))).toEqual([]); // NO_PROXY
  });

  test('pull policies, and names that are none', async () => {
    const image = `${at('plain')}/absent:1`;
    await create('never', image, 'Never');
    const never = `Container image "${image}" is not present with pull policy of Never`;
    expect(waiting(await waitsFor('never', 'ErrImageNeverPull'))?.message).toBe(never);
    await told('never', 'ErrImageNeverPull', never);
    await create('present', image, 'IfNotPresent');
    await runs('present');
    await runs('never'); // it is there now
    await create('present-again', image, 'IfNotPresent');
    await runs('present-again');
    await told('present-again', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`);
    const manifests = () => asked().filter((line) => line === 'plain GET /v2/absent/manifests/1').length;
    const before = manifests();
    await create('always', image, 'Always');
    await runs('always');
    expect(manifests()).toBe(before + 1);
    await create('invalid', 'UPPER/Case:1');
    expect(waiting(await waitsFor('invalid', 'InvalidImageName'))?.message).toMatch(/invalid reference format: repository name \(Case\)/);
    await create('nothing', `${at('plain')}/nothing:1`);
    await told('nothing', 'Failed', /: not found$/);
  });

  test('registries that misbehave: the event says how, and the next pull works', async () => {
    for (const name of Object.keys(FAULTS)) await create(name, `${at('faulty')}/${name}/app:1`);
    await Promise.all(
      Object.entries(FAULTS).map(async ([name, message]) => {
        await told(name, 'Failed', message);
        heal(name);
        await runs(name);
      }),
    );
    expect(readdirSync(`${folder}/images/tmp`)).toEqual([]);
  });

  test('an agent that is killed while it pulls: what was half written is dropped, and the pod runs', async () => {
    const unfinished = () => (existsSync(`${folder}/images/tmp`) ? readdirSync(`${folder}/images/tmp`) : []);
    await create('silent', `${at('faulty')}/silent/app:1`);
    await waitFor({ what: 'a layer on its way', timeoutMs: 120_000, everyMs: 50 }, () =>
      asked().some((line) => line.startsWith('faulty GET /v2/silent/app/blobs/') && unfinished().length > 0),
    );
    await cluster.kill(NODE);
    expect(unfinished()).not.toEqual([]);
    heal('silent');
    await cluster.restart();
    await runs('silent');
    expect(unfinished()).toEqual([]);
  });
});

/** As a cluster's owner lets nodes ask for tokens that no volume of a pod names. */
function nodesMayAskFor(audience: string): string {
  const metadata = { name: 'token-audiences' };
  const rules = [{ apiGroups: [''], resources: [audience], verbs: ['request-serviceaccounts-token-audience'] }];
  const group = 'rbac.authorization.k8s.io';
  const apiVersion = `${group}/v1`;
  const items = [
    { apiVersion, kind: 'ClusterRole', metadata, rules },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: metadata.name },
      subjects: [{ apiGroup: group, kind: 'Group', name: 'system:nodes' }],
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
