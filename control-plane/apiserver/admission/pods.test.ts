import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import { fakeReader } from '../fake-reader.ts';
import type { AdmissionPlugin, Attributes } from '../request.ts';
import { applyDefaults, limitRanger, podProblems } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { podResize } from './pod-resize.ts';
import { priority } from './priority.ts';
import { serviceAccount } from './service-account.ts';
import { withDefaults } from './tolerations.ts';

const clock: Clock = { nowMs: () => 0, sleep: async () => {} };
const object = (kind: string, name: string, namespace: string, more: object = {}, apiVersion = 'v1'): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace ? { namespace } : {}) },
  ...more,
});
const podOf = (spec: object): KubeObject => object('Pod', 'p', 'a', { spec: { containers: [{ name: 'c' }], ...spec } });

async function admit(plugin: AdmissionPlugin, what: KubeObject, more: object = {}): Promise<KubeObject> {
  const attributes = {
    operation: 'CREATE',
    kind: { group: '', kind: what.kind, plural: 'pods', namespaced: true },
    subresource: '',
    namespace: 'a',
    name: what.metadata.name,
    object: what,
    warnings: [],
    annotate: () => {},
    ...more,
  };
  await plugin.admit?.(attributes as unknown as Attributes);
  return what;
}

describe('service account', () => {
  const reader = fakeReader([
    object('ServiceAccount', 'default', 'a', { imagePullSecrets: [{ name: 's' }] }),
    object('ServiceAccount', 'quiet', 'a', { automountServiceAccountToken: false }),
  ]);
  const plugin = serviceAccount(reader, clock);

  test('the default account, its pull secrets and a token volume', async () => {
    const { spec } = (await admit(plugin, podOf({ initContainers: [{ name: 'i' }] }))) as any;
    expect(spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default', imagePullSecrets: [{ name: 's' }] });
    expect(spec.volumes).toHaveLength(1);
    expect(spec.volumes[0].name).toMatch(/^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(spec.volumes[0].projected.sources[0]).toEqual({ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } });
    const mount = { name: spec.volumes[0].name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    expect([spec.containers[0].volumeMounts, spec.initContainers[0].volumeMounts]).toEqual([[mount], [mount]]);
  });
  test.each([
    ['the pod does not want it', { automountServiceAccountToken: false }, 0],
    ['the account does not want it', { serviceAccountName: 'quiet' }, 0],
    ['the pod wants it all the same', { serviceAccountName: 'quiet', automountServiceAccountToken: true }, 1],
    [
      'something is mounted there already',
      { containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }] },
      0,
    ],
  ])('token volume when %s', async (_, spec, count) => {
    expect(((await admit(plugin, podOf(spec)))['spec'].volumes ?? []).length).toBe(count);
  });
  test('an account that is not there', async () => {
    await expect(admit(plugin, podOf({ serviceAccountName: 'nope' }))).rejects.toThrow(
      'pods "p" is forbidden: error looking up service account a/nope: serviceaccount "nope" not found',
    );
  });
});

describe('namespaces', () => {
  const plugin = namespaceLifecycle(
    fakeReader([object('Namespace', 'a', ''), object('Namespace', 'going', '', { status: { phase: 'Terminating' } })]),
  );
  test('absent', async () => {
    await expect(admit(plugin, podOf({}), { namespace: 'none' })).rejects.toMatchObject({
      code: 404,
      message: 'namespaces "none" not found',
    });
  });
  test('going away', async () => {
    await expect(admit(plugin, podOf({}), { namespace: 'going' })).rejects.toMatchObject({
      code: 403,
      message: 'pods "p" is forbidden: unable to create new content in namespace going because it is being terminated',
      details: {
        causes: [{ reason: 'NamespaceTerminating', message: 'namespace going is being terminated', field: 'metadata.namespace' }],
      },
    });
  });
  test('the system namespaces stay', async () => {
    const kind = { group: '', kind: 'Namespace', plural: 'namespaces', namespaced: false };
    await expect(admit(plugin, object('Namespace', 'kube-system', ''), { kind, operation: 'DELETE', namespace: '' })).rejects.toThrow(
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    );
  });
});

describe('priority', () => {
  const v1 = 'scheduling.k8s.io/v1';
  // The reader's plural rule makes PriorityClass `priorityclasses`.
  const plugin = priority(
    fakeReader([
      object('PriorityClass', 'high', '', { value: 7, preemptionPolicy: 'Never' }, v1),
      object('PriorityClass', 'usual', '', { value: 3, globalDefault: true }, v1),
    ]),
  );
  test.each([
    [{ priorityClassName: 'high' }, { priority: 7, preemptionPolicy: 'Never', priorityClassName: 'high' }],
    [{}, { priority: 3, preemptionPolicy: 'PreemptLowerPriority', priorityClassName: 'usual' }],
  ])('%o', async (spec, result) => {
    expect((await admit(plugin, podOf(spec)))['spec']).toMatchObject(result);
  });
  test.each([
    [{ priorityClassName: 'nope' }, 'pods "p" is forbidden: no PriorityClass with name nope was found'],
    [{ priority: 5 }, 'the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 3'],
  ])('%o refused', async (spec, message) => {
    await expect(admit(plugin, podOf(spec))).rejects.toThrow(message);
  });
});

test.each([
  [[], ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']],
  [[{ operator: 'Exists' }], []],
  [[{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }], ['node.kubernetes.io/unreachable']],
  [
    [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoSchedule' }],
    ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'],
  ],
])('tolerations %o get %o', (given, added) => {
  expect(
    withDefaults(given)
      .slice(given.length)
      .map((t) => t.key),
  ).toEqual(added);
});

describe('limit ranges', () => {
  const range = object('LimitRange', 'l', 'a', {
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '64Mi' },
          defaultRequest: { cpu: '100m', memory: '64Mi' },
          max: { cpu: '1' },
          min: { cpu: '50m' },
          maxLimitRequestRatio: { cpu: '5' },
        },
        { type: 'Pod', max: { cpu: '1500m' } },
      ],
    },
  });
  test('defaults fill what is missing and say so', () => {
    const spec = {
      containers: [{ name: 'c', resources: { limits: { cpu: '1' }, requests: { cpu: '1' } } }],
      initContainers: [{ name: 'i' }],
    };
    expect(applyDefaults(spec, range)).toEqual([
      'memory request for container c',
      'memory limit for container c',
      'cpu, memory request for init container i',
      'cpu, memory limit for init container i',
    ]);
    expect(spec.containers[0]).toMatchObject({
      resources: { limits: { cpu: '1', memory: '64Mi' }, requests: { cpu: '1', memory: '64Mi' } },
    });
  });
  test.each([
    ['1', '1', []],
    ['1', '2', ['maximum cpu usage per Container is 1, but limit is 2', 'maximum cpu usage per Pod is 1500m, but limit is 2']],
    [
      '10m',
      '500m',
      [
        'minimum cpu usage per Container is 50m, but request is 10m',
        'cpu max limit to request ratio per Container is 5, but provided ratio is 50.000000',
      ],
    ],
    ['100m', '1', ['cpu max limit to request ratio per Container is 5, but provided ratio is 10.000000']],
  ])('request %s, limit %s', (request, limit, problems) => {
    expect(podProblems({ containers: [{ name: 'c', resources: { requests: { cpu: request }, limits: { cpu: limit } } }] }, range)).toEqual(
      problems,
    );
  });
});

describe('resize', () => {
  const windows = object('Node', 'w', '', {});
  windows.metadata.labels = { 'kubernetes.io/os': 'windows' };
  const plugin = podResize(fakeReader([object('Node', 'n', '', { status: { allocatable: { cpu: '4', memory: '1Gi' } } }), windows]));
  const ranges = limitRanger(
    fakeReader([
      object('LimitRange', 'l', 'a', { spec: { limits: [{ type: 'Container', min: { cpu: '50m' }, default: { memory: '1Mi' } }] } }),
    ]),
  );
  const ofGeneration = (generation: number, pod: KubeObject): KubeObject => ({ ...pod, metadata: { ...pod.metadata, generation } });
  const resized = (requests: object): Attributes =>
    ({
      operation: 'UPDATE',
      kind: { group: '', kind: 'Pod', plural: 'pods', namespaced: true },
      subresource: 'resize',
      namespace: 'a',
      name: 'p',
      object: ofGeneration(2, podOf({ nodeName: 'n', containers: [{ name: 'c', resources: { requests } }] })),
      oldObject: ofGeneration(1, podOf({ nodeName: 'n' })),
    }) as unknown as Attributes;

  test('what the node could never give is refused', async () => {
    const validate = async (requests: object) => plugin.validate?.(resized(requests));
    await expect(validate({ cpu: '4', memory: '1Gi' })).resolves.toBeUndefined();
    await expect(validate({ cpu: '100', memory: '2Gi' })).rejects.toMatchObject({
      code: 403,
      message:
        'pods "p" is forbidden: node didn\'t have enough allocatable resources: cpu, requested: 100000, allocatable: 4000; memory, requested: 2147483648, allocatable: 1073741824',
      details: { causes: [{ reason: 'NodeCapacity' }] },
    });
  });
  test('the node must be there, and be Linux; a pod without one may ask for all', async () => {
    const on = async (nodeName: string | undefined) => {
      const attributes = resized({ cpu: '100' });
      attributes.object!['spec'].nodeName = nodeName;
      return plugin.validate?.(attributes);
    };
    await expect(on(undefined)).resolves.toBeUndefined();
    await expect(on('gone')).rejects.toMatchObject({ code: 403, message: 'pods "p" is forbidden: node "gone" not found' });
    await expect(on('w')).rejects.toMatchObject({
      message: 'pods "p" is forbidden: pod resize is only supported on linux nodes, node "w" is "windows"',
      details: { causes: [{ reason: 'UnsupportedPlatform' }] },
    });
    const same = resized({ cpu: '100' });
    expect(plugin.validate?.({ ...same, oldObject: same.object! })).toBeUndefined();
  });
  test('a limit range bounds and fills it, but for a pod that is going', async () => {
    const small = resized({ cpu: '10m' });
    const validate = async (attributes: Attributes) => ranges.validate?.(attributes);
    await expect(validate(small)).rejects.toMatchObject({
      code: 403,
      message: 'pods "p" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
    });
    await ranges.admit?.(small);
    expect(small.object!['spec'].containers[0].resources).toEqual({ requests: { cpu: '10m' }, limits: { memory: '1Mi' } });
    const going = podOf({});
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    await expect(validate({ ...small, oldObject: going })).resolves.toBeUndefined();
    await expect(validate(resized({ cpu: '50m' }))).resolves.toBeUndefined();
  });
});
