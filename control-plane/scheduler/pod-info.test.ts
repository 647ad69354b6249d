import { expect, test } from 'vitest';
import type { Container, PodSpec } from '../../api/gen/types/core.v1.ts';
import { podInfoOf, requestsOf } from './pod-info.ts';

const container = (name: string, cpu?: string, extra: Partial<Container> = {}): Container => ({
  name,
  ...(cpu ? { resources: { requests: { cpu } } } : {}),
  ...extra,
});
const pod = (spec: PodSpec) => ({ metadata: { namespace: 'n', name: 'p', uid: 'u' }, spec });

test.each([
  ['containers add up', { containers: [container('a', '100m'), container('b', '0.2')] }, 300],
  ['a larger init container wins', { containers: [container('a', '100m')], initContainers: [container('i', '1')] }, 1000],
  [
    'init containers do not add up',
    { containers: [container('a', '100m')], initContainers: [container('i', '300m'), container('j', '200m')] },
    300,
  ],
  [
    'sidecars add to containers',
    { containers: [container('a', '100m')], initContainers: [container('s', '50m', { restartPolicy: 'Always' })] },
    150,
  ],
  [
    'an init container runs beside the sidecars before it',
    { containers: [container('a', '100m')], initContainers: [container('s', '50m', { restartPolicy: 'Always' }), container('i', '200m')] },
    250,
  ],
  ['requests of the whole pod win', { containers: [container('a', '100m')], resources: { requests: { cpu: '2' } } }, 2000],
  ['overhead adds', { containers: [container('a', '100m')], overhead: { cpu: '5m' } }, 105],
])('%s', (_, spec, cpuMilli) => {
  expect(requestsOf(pod(spec as PodSpec))['cpu']).toBe(cpuMilli);
});

test('scores assume something for containers without requests', () => {
  expect(podInfoOf(pod({ containers: [container('a'), container('b', '1')] })).scored).toEqual({
    cpuMilli: 1100,
    memoryBytes: 2 * 200 * 1024 * 1024,
  });
});

test('host ports default to TCP on all addresses', () => {
  const info = podInfoOf(
    pod({ containers: [container('a', undefined, { ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] })] }),
  );
  expect(info.hostPorts).toEqual([{ ip: '0.0.0.0', protocol: 'TCP', port: 8080 }]);
});
