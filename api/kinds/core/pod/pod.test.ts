// Pods: defaults, checks, changes, quality of service, columns.
import { expect, test } from 'vitest';
import type { KubeObject, Problem } from '../../../meta/index.ts';
import { pod } from './pod.ts';
import { qosClass } from './qos.ts';

type Spec = Record<string, any>;

function made(spec: Spec, metadata: Spec = {}): KubeObject {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
  };
  pod.defaults!(object);
  pod.prepareForCreate!(object);
  return object;
}

const texts = (problems: Problem[]): string[] => problems.map(({ field, message }) => `${field}: ${message}`);
const wrong = (spec: Spec): string[] => texts(pod.validate!(made(spec)));

test('projections that are off by default are dropped', () => {
  const sources = [{ clusterTrustBundle: { name: 'b', path: 'b' } }, { podCertificate: { signerName: 'a/b', keyType: 'ED25519' } }];
  const { spec } = made({ volumes: [{ name: 'v', projected: { sources } }] });
  expect((spec as Spec)['volumes'][0].projected.sources).toEqual([{}, {}]);
});

test('a small pod gets all defaults', () => {
  expect(made({})).toMatchObject({
    spec: {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      containers: [
        {
          name: 'c',
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          resources: {},
        },
      ],
    },
    status: { phase: 'Pending', qosClass: 'BestEffort' },
  });
});

test.each([
  ['a', 'Always'],
  ['a:latest', 'Always'],
  ['h:5000/a', 'Always'],
  ['h:5000/a:2', 'IfNotPresent'],
  [`a@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
  ['A/B:LATEST', 'IfNotPresent'],
])('the pull policy of %s is %s', (image, policy) => {
  expect(made({ containers: [{ name: 'c', image }] })['spec'].containers[0].imagePullPolicy).toBe(policy);
});

test('limits become requests, host ports follow the host network, old names follow new ones', () => {
  const { spec } = made({
    hostNetwork: true,
    serviceAccount: 'old',
    terminationGracePeriodSeconds: -1,
    containers: [
      { name: 'c', image: 'i', ports: [{ containerPort: 80 }], resources: { limits: { cpu: '1' }, requests: { memory: '1Gi' } } },
    ],
  }) as Spec;
  expect(spec['containers'][0]).toMatchObject({
    ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
    resources: { requests: { cpu: '1', memory: '1Gi' } },
  });
  expect(spec).toMatchObject({ serviceAccountName: 'old', terminationGracePeriodSeconds: 1 });
});

test('volumes and probes get theirs', () => {
  const { spec } = made({
    volumes: [
      { name: 'a' },
      { name: 'b', configMap: { name: 'm' } },
      { name: 'c', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
    ],
    containers: [{ name: 'c', image: 'i:1', livenessProbe: { httpGet: { port: 80 } } }],
  }) as Spec;
  expect(spec['volumes']).toEqual([
    { name: 'a', emptyDir: {} },
    { name: 'b', configMap: { name: 'm', defaultMode: 0o644 } },
    { name: 'c', projected: { defaultMode: 0o644, sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }] } },
  ]);
  expect(spec['containers'][0].livenessProbe).toEqual({
    httpGet: { port: 80, path: '/', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
});

const resources = (limits: Spec, requests: Spec = limits) => ({ name: 'c', resources: { limits, requests } });

test.each([
  [[{ name: 'c' }], 'BestEffort'],
  [[resources({ cpu: '0' })], 'BestEffort'],
  [[resources({ cpu: '1', memory: '1Gi' })], 'Guaranteed'],
  [[resources({ cpu: '1000m', memory: '1Gi' }, { cpu: '1', memory: '1024Mi' })], 'Guaranteed'],
  [[resources({ cpu: '1', memory: '1Gi' }), { name: 'd' }], 'Burstable'],
  [[resources({ cpu: '1' })], 'Burstable'],
  [[resources({ cpu: '2', memory: '1Gi' }, { cpu: '1', memory: '1Gi' })], 'Burstable'],
])('quality of service %#', (containers, expected) => {
  expect(qosClass({ containers } as never)).toBe(expected);
});

test.each<[Spec, string[]]>([
  [{}, []],
  [{ containers: [] }, ['spec.containers: Required value']],
  [{ containers: [{ name: 'c' }] }, ['spec.containers[0].image: Required value']],
  [
    {
      containers: [
        { name: 'c', image: 'i' },
        { name: 'c', image: 'i' },
      ],
    },
    ['spec.containers[1].name: Duplicate value: "c"'],
  ],
  [
    { restartPolicy: 'Sometimes' },
    ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'x', mountPath: '/x' }] }] },
    ['spec.containers[0].volumeMounts[0].name: Not found: "x"'],
  ],
  [
    { containers: [{ name: 'c', image: 'i', livenessProbe: {} }] },
    ['spec.containers[0].livenessProbe: Required value: must specify a handler type'],
  ],
  [
    { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }] },
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 70000 }] }] },
    ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
  ],
  [{ dnsPolicy: 'None' }, ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None']],
  [{ hostAliases: [{ ip: '010.1.1.1' }] }, ['spec.hostAliases[0].ip: Invalid value: "010.1.1.1": must not have leading 0s']],
  [
    { nodeName: 'n', schedulingGates: [{ name: 'g.io/a' }] },
    ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
  ],
  [
    { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] },
    ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'k', whenUnsatisfiable: 'DoNotSchedule' }] },
    ['spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero'],
  ],
  [{ activeDeadlineSeconds: 0 }, ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive']],
])('checks %#', (spec, expected) => {
  expect(wrong(spec)).toEqual(expected);
});

test.each<[string, (spec: Spec) => void, string | undefined]>([
  ['an image', (spec) => (spec['containers'][0].image = 'j:2'), undefined],
  ['another toleration', (spec) => spec['tolerations'].push({ key: 'b', operator: 'Exists' }), undefined],
  ['a shorter deadline', (spec) => (spec['activeDeadlineSeconds'] = 5), undefined],
  [
    'a longer deadline',
    (spec) => (spec['activeDeadlineSeconds'] = 50),
    'spec.activeDeadlineSeconds: Invalid value: 50: must be less than or equal to previous value',
  ],
  [
    'one container more',
    (spec) => spec['containers'].push({ name: 'd', image: 'i' }),
    'spec.containers: Forbidden: pod updates may not add or remove containers',
  ],
  [
    'no toleration',
    (spec) => (spec['tolerations'] = []),
    'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
  ],
  ['a node selector', (spec) => (spec['nodeSelector'] = { a: 'b' }), 'spec: Forbidden: pod updates may not change fields other than'],
])('a change of %s', (_, change, expected) => {
  const old = made({ activeDeadlineSeconds: 10, tolerations: [{ key: 'a', operator: 'Exists' }] });
  const now = structuredClone(old);
  change(now['spec']);
  const found = texts(pod.validateUpdate!(now, old));
  if (expected === undefined) expect(found).toEqual([]);
  else expect(found.join()).toContain(expected);
});

test('resizing changes cpu and memory and keeps the quality of service', () => {
  const containers = [{ name: 'c', image: 'i:1', resources: { limits: { cpu: '1', memory: '1Gi' } } }];
  const old = made({ containers });
  const resize = (limits: Spec): string[] => {
    const now = made({ containers: [{ name: 'c', image: 'other', resources: { limits } }] });
    pod.subresourceUpdate!['resize']!(now, old, '2030-01-01T00:00:00Z');
    expect(now['spec'].containers[0].image).toBe('i:1');
    return texts(pod.validateSubresource!['resize']!(now, old));
  };
  expect(resize({ cpu: '2', memory: '1Gi' })).toEqual([]);
  expect(resize({ cpu: '2' })).toContain('spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing');
});

test.each<[string, (spec: Spec) => void, string[]]>([
  ['nothing', () => undefined, []],
  ['cpu', (spec) => (spec['containers'][0].resources.limits.cpu = '2'), []],
  [
    'names',
    (spec) =>
      Object.assign(
        spec['containers'],
        [0, 1].map((at) => ({ ...spec['containers'][at], name: `x${at}` })),
      ),
    [0, 1].map((at) => `spec.containers[${at}].name: Forbidden: containers may not be renamed or reordered on resize`),
  ],
  [
    'the number of containers',
    (spec) => spec['containers'].push({ ...spec['containers'][0], name: 'x' }),
    ['spec.containers: Forbidden: containers may not be added or removed on resize'],
  ],
  [
    'the number of init containers',
    (spec) => spec['initContainers'].pop(),
    ['spec.initContainers: Forbidden: initContainers may not be added or removed on resize'],
  ],
  [
    'an amount, to none',
    (spec) => (spec['containers'][0].resources.limits = {}),
    ['spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed'],
  ],
  ['cpu of an init container', (spec) => (spec['initContainers'][0].resources.limits.cpu = '2'), []],
  ['cpu of a sidecar', (spec) => (spec['initContainers'][1].resources.limits.cpu = '2'), []],
  ['amounts of the pod, to none', (spec) => delete spec['resources'], ['spec.resources: Forbidden: pod-level resources cannot be removed']],
  [
    'an amount of the pod, to none',
    (spec) => delete spec['resources'].limits.memory,
    ['spec.resources.limits: Forbidden: pod-level resource limits cannot be removed'],
  ],
])('a resize of %s', (_, change, expected) => {
  const own = () => ({ image: 'i:1', resources: { requests: { cpu: '500m' }, limits: { cpu: '1' } } });
  const old = made({
    resources: { requests: { cpu: '4', memory: '1Gi' }, limits: { cpu: '8', memory: '2Gi' } },
    initContainers: [
      { name: 'i', ...own() },
      { name: 's', ...own(), restartPolicy: 'Always' },
    ],
    containers: [
      { name: 'c', ...own() },
      { name: 'd', image: 'i:1' },
    ],
  });
  const now = structuredClone(old);
  change(now['spec']);
  pod.subresourceUpdate!['resize']!(now, old, '2030-01-01T00:00:00Z');
  expect(texts(pod.validateSubresource!['resize']!(now, old))).toEqual(expected);
});

test.each<[Spec, Spec, number | undefined, number]>([
  [{}, {}, undefined, 0],
  [{ nodeName: 'n' }, {}, undefined, 30],
  [{ nodeName: 'n' }, {}, 5, 5],
  [{ nodeName: 'n' }, {}, -3, 1],
  [{ nodeName: 'n' }, { phase: 'Succeeded' }, undefined, 0],
])('grace of a deletion %#', (spec, status, requested, expected) => {
  expect(pod.gracePeriodSeconds!({ ...made(spec), status }, requested)).toBe(expected);
});

const waiting = (reason: string) => ({ state: { waiting: { reason } }, ready: false, restartCount: 0, name: 'c' });

test.each<[Spec, Spec, string[]]>([
  [{ phase: 'Pending' }, {}, ['0/1', 'Pending', '0']],
  [
    { phase: 'Running', containerStatuses: [{ name: 'c', ready: true, restartCount: 2, state: { running: {} } }] },
    {},
    ['1/1', 'Running', '2'],
  ],
  [{ phase: 'Pending', containerStatuses: [waiting('ImagePullBackOff')] }, {}, ['0/1', 'ImagePullBackOff', '0']],
  [
    { phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] },
    { deletionTimestamp: '2020-01-01T00:00:00Z' },
    ['0/1', 'Terminating', '0'],
  ],
  [
    { phase: 'Failed', containerStatuses: [{ name: 'c', ready: false, restartCount: 0, state: { terminated: { exitCode: 3 } } }] },
    {},
    ['0/1', 'ExitCode:3', '0'],
  ],
  [{ phase: 'Failed', reason: 'Evicted' }, {}, ['0/1', 'Evicted', '0']],
  [
    { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    {},
    ['0/1', 'SchedulingGated', '0'],
  ],
])('columns %#', (status, metadata, expected) => {
  const object = { ...made({}, metadata), status };
  expect(pod.columns!.slice(1, 4).map((column) => column.of(object, 0))).toEqual(expected);
});

test('warnings', () => {
  const container = { name: 'c', image: 'i', env: [{ name: 'A' }, { name: 'A' }], ports: [{ containerPort: 1 }, { containerPort: 1 }] };
  expect(pod.warnings!(made({ containers: [container] }))).toEqual([
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  ]);
});
