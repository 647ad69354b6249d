// The pods that are measured: from the plainest on, each with one thing more than a plain one.
import type { Pod } from '../api/gen/types/core.v1.ts';
import { RESOURCES } from '../kit/client/index.ts';
import type { Cluster } from '../rig/index.ts';

export const forms = ['plain', 'token', 'volumes', 'init', 'readiness'] as const;
export const isForm = (part: string): part is (typeof forms)[number] => forms.includes(part as (typeof forms)[number]);
export type Form = (typeof forms)[number] | 'probes';

const sleeper = { name: 'c', image: 'wherry/tools:1', command: ['sleep', 'infinity'] };
const web = { name: 'c', image: 'wherry/nginx:1', ports: [{ containerPort: 80 }] };

const specs: Record<Form, Pod['spec']> = {
  plain: { automountServiceAccountToken: false, containers: [sleeper] },
  token: { containers: [sleeper] },
  volumes: {
    automountServiceAccountToken: false,
    containers: [{ ...sleeper, volumeMounts: ['settings', 'keys', 'scratch'].map((name) => ({ name, mountPath: `/mnt/${name}` })) }],
    volumes: [
      { name: 'settings', configMap: { name: 'bench' } },
      { name: 'keys', secret: { secretName: 'bench' } },
      { name: 'scratch', emptyDir: {} },
    ],
  },
  init: { initContainers: [{ ...sleeper, name: 'i', command: ['true'] }], containers: [sleeper] },
  readiness: { containers: [{ ...web, readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 1 } }] },
  probes: {
    containers: [
      {
        ...web,
        readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 10 },
        livenessProbe: { tcpSocket: { port: 80 }, periodSeconds: 10 },
      },
    ],
  },
};

export const pod = (name: string, form: Form) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { bench: 'pods' } },
  spec: { terminationGracePeriodSeconds: 1, ...specs[form] },
});

/** The objects that they use. */
export async function prepare({ client }: Cluster): Promise<void> {
  const metadata = { name: 'bench' };
  const namespace = 'default';
  await client.create(RESOURCES.configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1', b: '2' } }, { namespace });
  await client.create(RESOURCES.secrets, { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { key: 'secret' } }, { namespace });
}
