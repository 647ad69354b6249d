// Servers of users that the API server asks, in pods behind a Service: an admission webhook and an extension server.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCa, issue } from '../../kit/net/index.ts';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

const nowMs = systemClock.nowMs();
const ca = createCa('extension-ca', nowMs);
const serving = issue(ca, { commonName: 'extension', dnsNames: ['extension.default.svc'], usages: ['server'] }, nowMs);
const caBundle = Buffer.from(ca.cert).toString('base64');
const GROUP = 'extension.example.com';

/** nginx cannot repeat a question's uid, as AdmissionReview v1 wants it; v1beta1 does not. */
const denial = { response: { allowed: false, status: { code: 403, message: 'not today' }, warnings: ['mind the gap'] } };
const resources = [{ name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get', 'list'], shortNames: ['th'] }];
const annotations = { user: '$http_x_remote_user', group: '$http_x_remote_group', client: '$ssl_client_s_dn' };
const thing = { apiVersion: `${GROUP}/v1`, kind: 'Thing', metadata: { name: 'one', namespace: 'default', annotations } };
const answer = (path: string, body: object) => `location ${path} { return 200 '${JSON.stringify(body)}'; }`;
const nginx = `events {}
http {
  server {
    listen 8443 ssl;
    ssl_certificate /tls/tls.crt;
    ssl_certificate_key /tls/tls.key;
    ssl_verify_client optional_no_ca;
    default_type application/json;
    ${answer('/deny', denial)}
    ${answer(`= /apis/${GROUP}/v1`, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${GROUP}/v1`, resources })}
    ${answer(`/apis/${GROUP}/v1/`, { kind: 'ThingList', apiVersion: `${GROUP}/v1`, metadata: {}, items: [thing] })}
  }
}
`;

const server = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extension' }, data: { 'nginx.conf': nginx } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'extension' }, stringData: { 'tls.crt': serving.cert, 'tls.key': serving.key } },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'extension', labels: { app: 'extension' } },
    spec: {
      containers: [
        {
          name: 'nginx',
          image: 'wherry/nginx:1',
          command: ['nginx', '-c', '/conf/nginx.conf', '-g', 'daemon off;'],
          volumeMounts: [
            { name: 'conf', mountPath: '/conf' },
            { name: 'tls', mountPath: '/tls' },
          ],
        },
      ],
      volumes: [
        { name: 'conf', configMap: { name: 'extension' } },
        { name: 'tls', secret: { secretName: 'extension' } },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'extension' },
    spec: { selector: { app: 'extension' }, ports: [{ port: 443, targetPort: 8443 }] },
  },
];

const service = { namespace: 'default', name: 'extension' };
const registration = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: `v1.${GROUP}` },
  spec: { group: GROUP, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 15, caBundle, service },
};
const webhook = (name: string, rule: object) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name },
  webhooks: [
    {
      name: `${name}.example.com`,
      clientConfig: { caBundle, service: { ...service, path: '/deny' } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], ...rule }],
      admissionReviewVersions: ['v1beta1'],
      sideEffects: 'None',
    },
  ],
});
const list = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

describe('servers in pods', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.kubectl(['apply', '-f', '-'], { input: list([...server, registration]) });
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/extension', '--timeout=120s']);
    await cluster.kubectl(['wait', '--for=condition=Available', `apiservice/v1.${GROUP}`, '--timeout=120s']);
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test('an extension server is used like any other group', async () => {
    expect(await cluster.kubectl(['get', 'apiservices', `v1.${GROUP}`])).toMatch(/default\/extension +True/);
    const found = JSON.parse(await cluster.kubectl(['get', 'th', '-o', 'json'])) as { items: { metadata: { annotations: object } }[] };
    expect(found.items[0]!.metadata.annotations).toEqual({
      user: 'kubernetes-admin',
      group: 'system:masters',
      client: 'CN=front-proxy-client',
    });
  });

  test('a webhook denies, and its warning is shown', async () => {
    await cluster.kubectl(['apply', '-f', '-'], {
      input: list([webhook('no-secrets', { operations: ['CREATE'], resources: ['secrets'] })]),
    });
    const refused = await cluster.tryKubectl(['create', 'secret', 'generic', 'x']);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toContain('Warning: mind the gap');
    expect(refused.stderr).toContain('admission webhook "no-secrets.example.com" denied the request: not today');
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'no-secrets']);
    await cluster.kubectl(['create', 'secret', 'generic', 'x']);
  });

  test('exec is asked about too', async () => {
    await cluster.kubectl(['apply', '-f', '-'], {
      input: list([webhook('no-exec', { operations: ['CONNECT'], resources: ['pods/exec'] })]),
    });
    const refused = await cluster.tryKubectl(['exec', 'extension', '--', 'true']);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('admission webhook "no-exec.example.com" denied the request: not today');
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'no-exec']);
    await cluster.kubectl(['exec', 'extension', '--', 'true']);
  });

  test('without its pod the webhook fails closed, and the group says why', async () => {
    await cluster.kubectl(['apply', '-f', '-'], {
      input: list([webhook('no-maps', { operations: ['CREATE'], resources: ['configmaps'] })]),
    });
    await cluster.kubectl(['delete', 'pod', 'extension', '--now']);
    const failed = await waitFor({ what: 'no endpoint is left', timeoutMs: 120_000 }, async () => {
      const result = await cluster.tryKubectl(['create', 'configmap', 'y']);
      return result.stderr.includes('no endpoints available') ? result : undefined;
    });
    expect(failed.stderr).toContain(
      'Internal error occurred: failed calling webhook "no-maps.example.com": failed to call webhook: Post "https://extension.default.svc:443/deny?timeout=10s": no endpoints available for service "extension"',
    );
    await waitFor({ what: 'the group is not available', timeoutMs: 120_000 }, async () =>
      (await cluster.kubectl(['get', 'apiservices', `v1.${GROUP}`])).includes('False (MissingEndpoints)'),
    );
    expect((await cluster.tryKubectl(['get', 'th'])).stderr).toContain('the server is currently unable to handle the request');
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'no-maps']);
  });
});
