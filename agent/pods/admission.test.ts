import { expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/gen/types/core.v1.ts';
import { refusal } from './admission.ts';

const wants = (cpu: string, more: Partial<Container> = {}): Container => ({ name: 'c', resources: { requests: { cpu } }, ...more });
const pod = (spec: Partial<PodSpec>): Pod => ({ metadata: {}, spec: { containers: [], ...spec } });
const node = { cpu: '2', memory: '1Gi', pods: '3' };

test.each<[string, Pod, Pod[], string | undefined]>([
  ['fits', pod({ containers: [wants('1')] }), [pod({ containers: [wants('1')] })], undefined],
  [
    'too much cpu',
    pod({ containers: [wants('1')] }),
    [pod({ containers: [wants('1500m')] })],
    "OutOfcpu: Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000",
  ],
  ['an init container counts alone', pod({ initContainers: [wants('2')], containers: [wants('1')] }), [], undefined],
  [
    'a sidecar counts beside',
    pod({ initContainers: [wants('1500m', { restartPolicy: 'Always' })], containers: [wants('1')] }),
    [],
    "OutOfcpu: Node didn't have enough resource: cpu, requested: 2500, used: 0, capacity: 2000",
  ],
  [
    'too many pods',
    pod({}),
    [pod({}), pod({}), pod({})],
    "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  ],
  [
    'AppArmor',
    pod({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }),
    [],
    'AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host',
  ],
  [
    'a sysctl that is not safe',
    pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    [],
    'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted',
  ],
  [
    'a sysctl of the host',
    pod({ hostNetwork: true, securityContext: { sysctls: [{ name: 'net/ipv4/tcp_syncookies', value: '1' }] } }),
    [],
    'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  ],
  ['a safe sysctl', pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } }), [], undefined],
])('%s', (_name, wanted, others, expected) => {
  const found = refusal(wanted, others, { allocatable: node, appArmor: false });
  expect(found && `${found.reason}: ${found.message}`).toBe(expected);
});
