// The policy's decisions, the lines of real requests, and the file's rotation.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RESOURCES } from '../../../kit/client/index.ts';
import { silentLogger, systemClock } from '../../../kit/run/index.ts';
import { requestInfo } from '../requestinfo.ts';
import { startTestServer } from '../testing.ts';
import { openAudit } from './index.ts';
import { AuditLogFile } from './log-file.ts';
import { decide, parsePolicy } from './policy.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-audit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const policy = (rules: string) => parsePolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`);

describe('policy', () => {
  const rules = policy(`
- { level: None, users: [system:kube-proxy], verbs: [watch], resources: [{ group: '', resources: [endpoints, services] }] }
- { level: None, nonResourceURLs: ['/healthz*', /version] }
- { level: RequestResponse, resources: [{ group: '', resources: [pods] }], namespaces: [prod] }
- { level: Request, resources: [{ group: '', resources: ['pods/*', '*/scale'] }] }
- { level: Metadata, resources: [{ group: '', resources: [configmaps], resourceNames: [one] }], omitStages: [RequestReceived] }
- { level: Metadata, userGroups: [admins] }`);
  const alice = { name: 'alice', groups: ['admins'] };
  const bob = { name: 'bob', groups: [] };
  test.each([
    ['GET', '/api/v1/services?watch=1', { name: 'system:kube-proxy', groups: [] }, 'None'],
    ['GET', '/api/v1/services', { name: 'system:kube-proxy', groups: [] }, 'None'],
    ['GET', '/healthz/etcd', alice, 'None'],
    ['GET', '/readyz', alice, 'Metadata'],
    ['POST', '/api/v1/namespaces/prod/pods', bob, 'RequestResponse'],
    ['POST', '/api/v1/namespaces/test/pods', bob, 'Request'],
    ['POST', '/api/v1/namespaces/prod/pods/x/exec', bob, 'Request'],
    ['GET', '/api/v1/namespaces/a/replicationcontrollers/x/scale', bob, 'Request'],
    ['GET', '/api/v1/namespaces/a/configmaps/one', bob, 'Metadata'],
    ['GET', '/api/v1/namespaces/a/configmaps/two', bob, 'None'],
    ['GET', '/apis/apps/v1/namespaces/a/configmaps/one', bob, 'None'],
  ])('%s %s by %j: %s', (method, url, user, level) => {
    const [path = '', query] = url.split('?');
    expect(decide(rules, requestInfo(method, path, new URLSearchParams(query)), user).level).toBe(level);
  });

  test.each([
    ['- { level: All }', 'rules[0].level: Unsupported value: "All"'],
    ['- { level: None, user: [a] }', 'rules[0].user: unknown field'],
    ['- { level: None, nonResourceURLs: [healthz] }', `rules[0].nonResourceURLs: "healthz" must start with '/'`],
    ['- { level: None, nonResourceURLs: [/a], namespaces: [b] }', 'cannot apply to both regular resources and non-resource URLs'],
    ['- { level: None, resources: [{ group: apps/v1 }] }', 'names a version'],
    ['- { level: None, omitStages: [Received] }', 'rules[0].omitStages: Unsupported value: "Received"'],
    ['', 'at least one rule'],
    ['- [', 'no YAML'],
  ])('%s is refused', (text, why) => {
    expect(() => policy(text)).toThrow(why);
  });
});

test('a request becomes a line a stage, with who, what and how it ended', async () => {
  const policyFile = join(folder, 'policy.yaml');
  const path = join(folder, 'lines', 'audit.log');
  await writeFile(
    policyFile,
    `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- { level: RequestResponse, resources: [{ resources: [configmaps] }], verbs: [create, delete, get, watch] }`,
  );
  const audit = openAudit({ policyFile, path }, systemClock, silentLogger);
  const world = await startTestServer({ audit });
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: { k: 'v' } };
  await world.client.create(RESOURCES.configmaps, object);
  await world.client.get(RESOURCES.configmaps, 'b', { namespace: 'default' }).catch(() => {});
  await world.client.list(RESOURCES.configmaps, { namespace: 'default' });
  const watched = await world.client.request('GET', '/api/v1/configmaps?watch=1&timeoutSeconds=1', { headers: { 'audit-id': 'mine' } });
  expect(watched.headers['audit-id']).toBe('mine');
  await world.close();
  const lines = (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ verb, stage, responseStatus }) => [verb, stage, responseStatus.code])).toEqual([
    ['create', 'ResponseComplete', 201],
    ['get', 'ResponseComplete', 404],
    ['watch', 'ResponseStarted', 200],
    ['watch', 'ResponseComplete', 200],
  ]);
  expect(lines[0]).toMatchObject({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    requestURI: '/api/v1/namespaces/default/configmaps',
    user: { username: 'admin', groups: ['system:masters'] },
    sourceIPs: ['127.0.0.1'],
    objectRef: { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' },
    requestObject: object,
    responseObject: { ...object, metadata: { name: 'a', uid: expect.any(String) } },
  });
  expect(lines[0].responseObject.metadata).not.toHaveProperty('managedFields');
  expect(lines[1].responseStatus).toMatchObject({ status: 'Failure', reason: 'NotFound' });
  expect(lines[2].auditID).toBe('mine');
});

test('the file is put aside at its size, and only so many are kept', async () => {
  const path = join(folder, 'rotate', 'audit.log');
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const clock = { ...systemClock, nowMs: () => (nowMs += 1000) };
  const file = new AuditLogFile({ path, maxSizeMB: 0.001, maxBackups: 2 }, clock, silentLogger);
  for (let i = 0; i < 6; i++) {
    file.add('x'.repeat(700));
    await file.close();
  }
  const names = (await readdir(join(folder, 'rotate'))).sort();
  expect(names).toEqual(['audit-2026-01-01T00-00-04.000.log', 'audit-2026-01-01T00-00-05.000.log', 'audit.log']);
  expect(file.written).toBe(6);
});

test('a disk that does not take lines loses them, and nobody waits', async () => {
  const file = new AuditLogFile({ path: join(folder, 'policy-is-a-file', 'x') }, systemClock, silentLogger);
  await writeFile(join(folder, 'policy-is-a-file'), '');
  for (let i = 0; i < 10_100; i++) expect(file.add('line')).toBeUndefined();
  await file.close();
  expect([file.written, file.lost]).toEqual([0, 10_100]);
});
