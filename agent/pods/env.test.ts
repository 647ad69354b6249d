import { expect, test } from 'vitest';
import type { Container, Pod, Service } from '../../api/gen/types/core.v1.ts';
import { type EnvSources, environment } from './env.ts';

const pod = { metadata: { name: 'p', namespace: 'n', labels: { a: 'b' } }, spec: { containers: [] } } as Pod;
const web: Service = {
  metadata: { name: 'my-web' },
  spec: { clusterIP: '10.0.0.9', ports: [{ port: 80, name: 'http', protocol: 'TCP' }] },
};
const sources: EnvSources = {
  place: { podIPs: ['10.1.0.2'], hostIP: '192.0.2.1', allocatable: {} },
  services: [web],
  volumeFile: async (volume, path) => ({ path: `/${volume}/${path}`, text: path === 'e' ? "A='one'\nB='two words'\n" : undefined }),
  configMap: async (name) => (name === 'cm' ? { metadata: {}, data: { k: 'v', 'odd.key': 'o' } } : undefined),
  secret: async (name) => (name === 's' ? { metadata: {}, data: { k: Buffer.from('hidden').toString('base64') } } : undefined),
};
const of = (container: Partial<Container>, more: Partial<EnvSources> = { services: [] }) =>
  environment(pod, { name: 'c', ...container }, { ...sources, ...more }).then(Object.fromEntries);

test('service links come first, and env may use and replace them', async () => {
  const env = await of(
    {
      env: [
        { name: 'URL', value: 'http://$(MY_WEB_SERVICE_HOST)' },
        { name: 'MY_WEB_PORT', value: 'own' },
      ],
    },
    {},
  );
  expect(env).toEqual({
    URL: 'http://10.0.0.9',
    MY_WEB_PORT: 'own',
    MY_WEB_SERVICE_HOST: '10.0.0.9',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_PORT_80_TCP: 'tcp://10.0.0.9:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.0.0.9',
  });
});

test('only earlier variables are seen', async () => {
  expect(
    await of({
      env: [
        { name: 'A', value: '$(B)' },
        { name: 'B', value: '2' },
        { name: 'C', value: '$(B)' },
      ],
    }),
  ).toEqual({ A: '$(B)', B: '2', C: '2' });
});

test('envFrom brings prefixed keys, env wins over it', async () => {
  const env = await of({
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
    env: [{ name: 'k', value: 'own' }],
  });
  expect(env).toEqual({ P_k: 'v', 'P_odd.key': 'o', k: 'own' });
});

test.each([
  [{ configMapKeyRef: { name: 'none', key: 'k' } }, 'configmap "none" not found'],
  [{ configMapKeyRef: { name: 'cm', key: 'none' } }, "couldn't find key none in ConfigMap n/cm"],
  [{ secretKeyRef: { name: 'none', key: 'k' } }, 'secret "none" not found'],
  [{ fileKeyRef: { volumeName: 'v', path: 'e', key: 'C' } }, 'environment variable key "C" not found in file "/v/e"'],
  [{ fileKeyRef: { volumeName: 'v', path: 'none', key: 'A' } }, "couldn't parse env file"],
  [{ secretKeyRef: { name: 's', key: 'none' } }, "couldn't find key none in Secret n/s"],
])('%j', async (valueFrom, message) => {
  await expect(of({ env: [{ name: 'A', valueFrom }] })).rejects.toThrow(message);
});

test.each([
  ['A', 'one'],
  ['B', 'two words'],
])('key %s of a file', async (key, value) => {
  expect(await of({ env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'e', key } } }] })).toEqual({ X: value });
});

test('optional sources leave the variable out', async () => {
  const env = [
    { name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'k', optional: true } } },
    { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'none', optional: true } } },
    { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
    { name: 'D', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
  ];
  expect(await of({ env })).toEqual({ C: 'hidden', D: '10.1.0.2' });
});
