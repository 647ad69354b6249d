// What a foreign runtime is asked for.
import { expect, test } from 'vitest';
import type { ContainerConfig } from '../cri/index.ts';
import * as to from './to-wire.ts';

const sandbox = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 }, hostname: 'web', logDirectory: '/logs' };
const asked = (config: Partial<ContainerConfig>) =>
  to.containerConfig('s', sandbox, { metadata: { name: 'main', attempt: 0 }, image: 'web:1', ...config });

test('a volume that is an image stays one', () => {
  const mounts = [{ hostPath: '', containerPath: '/data', readonly: true, image: 'data:1', imageSubPath: 'etc' }];
  expect(asked({ mounts }).mounts).toMatchObject([{ hostPath: '', image: { image: 'data:1' }, imageSubPath: 'etc', readonly: true }]);
});

test.each([
  [{}, expect.arrayContaining(['/proc/interrupts', '/proc/kcore'])],
  [{ maskedPaths: [] }, []],
  [{ maskedPaths: ['/secret'] }, ['/secret']],
  [{ privileged: true }, []],
])('security %j hides %j', (securityContext, hidden) =>
  expect(asked({ linux: { securityContext } }).linux?.securityContext?.maskedPaths).toEqual(hidden),
);
