import { expect, test } from 'vitest';
import type { Container, Node, Pod, PodSpec } from '../../api/gen/types/core.v1.ts';
import { impossible, misfit } from './admission.ts';

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
  [
    'groups of the image to be left out',
    pod({ securityContext: { supplementalGroupsPolicy: 'Strict' } }),
    [],
    'SupplementalGroupsPolicyNotSupported: SupplementalGroupsPolicy=Strict is not supported in this node',
  ],
  ['groups of the image beside', pod({ securityContext: { supplementalGroupsPolicy: 'Merge' } }), [], undefined],
  ['a safe sysctl', pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } }), [], undefined],
])('%s', (_name, wanted, others, expected) => {
  const found =
    impossible(wanted, { appArmor: false, supplementalGroupsPolicy: false }) ??
    misfit(wanted, others, { allocatable: node, object: undefined });
  expect(found && `${found.reason}: ${found.message}`).toBe(expected);
});

const gpu = (count: number): Container => ({ name: 'c', resources: { requests: { 'x.io/seat': String(count) } } });
const port = (hostPort: number, more: object = {}): Container => ({ name: 'c', ports: [{ containerPort: 80, hostPort, ...more }] });
const object: Node = {
  metadata: { name: 'n', labels: { disk: 'ssd' } },
  spec: { taints: [{ key: 'down', effect: 'NoExecute' }] },
  status: { allocatable: { 'x.io/seat': '2', 'example.com/dongle': '1' } },
};
const tolerations = [{ operator: 'Exists' }];
const WRONG_PLACE = "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
const PORT_TAKEN = "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";

test.each<[string, Pod, Pod[], string | undefined]>([
  [
    'more than others count on the node',
    pod({ tolerations, containers: [gpu(2)] }),
    [pod({ containers: [gpu(1)] })],
    "OutOfx.io/seat: Node didn't have enough resource: x.io/seat, requested: 2, used: 1, capacity: 2",
  ],
  [
    'what nobody counts here',
    pod({ tolerations, containers: [{ name: 'c', resources: { requests: { 'x.io/other': '9' } } }] }),
    [],
    undefined,
  ],
  ['room comes before place', pod({ nodeSelector: { disk: 'hdd' }, containers: [wants('9')] }), [], 'OutOfcpu'],
  ['another label', pod({ tolerations, nodeSelector: { disk: 'hdd' } }), [], WRONG_PLACE],
  ['the label', pod({ tolerations, nodeSelector: { disk: 'ssd' } }), [], undefined],
  [
    'a port that is taken',
    pod({ tolerations, containers: [port(80)] }),
    [pod({ containers: [port(80, { hostIP: '10.0.0.1' })] })],
    PORT_TAKEN,
  ],
  [
    'on another address',
    pod({ tolerations, containers: [port(80, { hostIP: '10.0.0.2' })] }),
    [pod({ containers: [port(80, { hostIP: '10.0.0.1' })] })],
    undefined,
  ],
  [
    'of a sidecar',
    pod({ tolerations, containers: [port(80)] }),
    [pod({ initContainers: [{ ...port(80), restartPolicy: 'Always' }] })],
    PORT_TAKEN,
  ],
  ['of an init container', pod({ tolerations, containers: [port(80)] }), [pod({ initContainers: [port(80)] })], undefined],
  ['a taint that drives pods out', pod({}), [], 'TaintToleration: Predicate TaintToleration failed: node(s) had untolerated taint(s)'],
  ['another system', pod({ os: { name: 'windows' } }), [], "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS"],
  [
    'a label of another system',
    { metadata: { labels: { 'kubernetes.io/os': 'windows' } }, spec: { containers: [] } },
    [],
    "PodOSSelectorNodeLabelDoesNotMatch: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
  ],
])('on a node as the API shows it: %s', (_name, wanted, others, expected) => {
  const found =
    impossible(wanted, { appArmor: false, supplementalGroupsPolicy: false }) ?? misfit(wanted, others, { allocatable: node, object });
  expect(found && `${found.reason}: ${found.message}`.slice(0, expected?.length)).toBe(expected);
});
