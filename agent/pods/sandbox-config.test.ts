import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { sandboxConfig } from './sandbox-config.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { containers: [{ name: 'c' }] } };
const settings = { logDir: '/l', podPidsLimit: -1, allocatable: {}, cluster: { clusterDomain: 'cluster.local' } };

test.each([
  [-1, undefined],
  [100, 100],
])('a limit of %d processes a pod', (podPidsLimit, pidsLimit) => {
  expect(sandboxConfig(pod, 0, { ...settings, podPidsLimit }).linux?.resources?.pidsLimit).toBe(pidsLimit);
});

test('a host name that does not fit the kernel is refused in upstream words', () => {
  const spec = { ...pod.spec!, hostname: 'h'.repeat(40), subdomain: 's'.repeat(20), setHostnameAsFQDN: true };
  expect(() => sandboxConfig({ ...pod, spec }, 0, settings)).toThrow(
    /^failed to construct FQDN from pod hostname and cluster domain, FQDN h+\.s+\.ns\.svc\.cluster\.local is too long \(64 characters is the max, \d+ characters requested\)$/,
  );
});
