import { describe, expect, test } from 'vitest';
import { conflict, type KubeObject } from '../../../../api/meta/index.ts';
import type { Client } from '../../../../kit/client/client.ts';
import type { Clock } from '../../../../kit/run/index.ts';
import { fakeReader } from '../../fake-reader.ts';
import type { Attributes } from '../../request.ts';
import { recounted, resourceQuota } from './index.ts';
import { podResources } from './pod-resources.ts';
import { inScope, missingText, usageOf } from './usage.ts';

const object = (kind: string, name: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'a' },
  ...more,
});
const container = (name: string, requests: object, limits: object = {}) => ({ name, resources: { requests, limits } });
const pod = (name: string, cpu: string, more: object = {}) =>
  object('Pod', name, { spec: { containers: [container('c', { cpu })], ...more } });

test.each([
  ['containers together', { containers: [container('a', { cpu: '100m' }), container('b', { cpu: '200m' })] }, { cpu: '300m' }],
  [
    'the largest init container',
    { containers: [container('a', { cpu: '100m' })], initContainers: [container('i', { cpu: '1' })] },
    { cpu: '1' },
  ],
  [
    'sidecars beside',
    {
      containers: [container('a', { cpu: '1' })],
      initContainers: [{ ...container('s', { cpu: '500m' }), restartPolicy: 'Always' }, container('i', { cpu: '600m' })],
    },
    { cpu: '1500m' },
  ],
  ['overhead on top', { containers: [container('a', { memory: '1Gi' })], overhead: { memory: '1Gi' } }, { memory: '2Gi' }],
  ['the pod level counts', { containers: [container('a', { cpu: '1' })], resources: { requests: { cpu: '3' } } }, { cpu: '3' }],
])('pod resources: %s', (_, spec, total) => {
  expect(podResources(spec, 'requests')).toEqual(total);
});

const names = (group: string, plural: string) => ({ group, plural });
test.each<[string, { group: string; plural: string }, KubeObject, Record<string, string>]>([
  ['a pod', names('', 'pods'), pod('p', '1'), { 'count/pods': '1', pods: '1', cpu: '1', 'requests.cpu': '1' }],
  ['a finished pod', names('', 'pods'), { ...pod('p', '1'), status: { phase: 'Failed' } }, { 'count/pods': '1' }],
  ['a secret', names('', 'secrets'), object('Secret', 's'), { 'count/secrets': '1', secrets: '1' }],
  ['a lease', names('coordination.k8s.io', 'leases'), object('Lease', 'l'), { 'count/leases.coordination.k8s.io': '1' }],
  [
    'node ports',
    names('', 'services'),
    object('Service', 's', { spec: { type: 'NodePort', ports: [{}, {}] } }),
    { 'count/services': '1', services: '1', 'services.nodeports': '2', 'services.loadbalancers': '0' },
  ],
  [
    'a claim of a class',
    names('', 'persistentvolumeclaims'),
    object('PersistentVolumeClaim', 'c', { spec: { storageClassName: 'gold', resources: { requests: { storage: '1Gi' } } } }),
    {
      'count/persistentvolumeclaims': '1',
      persistentvolumeclaims: '1',
      'requests.storage': '1Gi',
      'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
    },
  ],
])('usage of %s', (_, kind, what, usage) => {
  expect(usageOf(kind, what)).toEqual(usage);
});

const quota = (hard: Record<string, string>, more: object = {}, used?: Record<string, string>): KubeObject => ({
  ...object('ResourceQuota', 'o', { spec: { hard, ...more } }),
  ...(used ? { status: { hard, used } } : {}),
});

test.each<[string, object, KubeObject, boolean]>([
  ['BestEffort', { scopes: ['BestEffort'] }, object('Pod', 'p', { spec: { containers: [{ name: 'c' }] } }), true],
  ['BestEffort with a request', { scopes: ['BestEffort'] }, pod('p', '1'), false],
  ['Terminating', { scopes: ['Terminating'] }, pod('p', '1', { activeDeadlineSeconds: 5 }), true],
  ['two scopes', { scopes: ['NotBestEffort', 'Terminating'] }, pod('p', '1'), false],
  [
    'PriorityClass In',
    { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } },
    pod('p', '1', { priorityClassName: 'high' }),
    true,
  ],
  [
    'PriorityClass NotIn',
    { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] }] } },
    pod('p', '1', { priorityClassName: 'high' }),
    false,
  ],
])('scope %s', (_, more, what, matches) => {
  expect(inScope(quota({}, more), names('', 'pods'), what)).toBe(matches);
});

test.each<[string, string[] | undefined, object, boolean]>([
  ['In', ['gold'], { spec: { volumeAttributesClassName: 'gold' } }, true],
  ['In', ['gold'], { spec: { volumeAttributesClassName: 'silver' }, status: { currentVolumeAttributesClassName: 'gold' } }, true],
  ['In', ['gold'], { spec: {}, status: { modifyVolumeStatus: { targetVolumeAttributesClassName: 'gold' } } }, true],
  ['In', ['gold'], { spec: {} }, false],
  ['NotIn', ['gold'], { spec: { volumeAttributesClassName: 'gold' } }, false],
  ['NotIn', ['gold'], { spec: {} }, true],
  ['Exists', undefined, { spec: { volumeAttributesClassName: 'gold' } }, true],
  ['DoesNotExist', undefined, { spec: { volumeAttributesClassName: 'gold' } }, false],
])('scope VolumeAttributesClass %s %j of %j: %s', (operator, values, claim, matches) => {
  const expression = { scopeName: 'VolumeAttributesClass', operator, ...(values ? { values } : {}) };
  const scoped = quota({}, { scopeSelector: { matchExpressions: [expression] } });
  expect(inScope(scoped, names('', 'persistentvolumeclaims'), object('PersistentVolumeClaim', 'c', claim))).toBe(matches);
  expect(inScope(scoped, names('', 'pods'), pod('p', '1'))).toBe(false);
});

test('a quota on cpu demands that it is named', () => {
  expect(missingText(pod('p', '1'), { 'requests.cpu': '1', 'limits.memory': '1Gi', pods: '1' })).toBe('limits.memory for: c');
  expect(missingText(pod('p', '1'), { cpu: '1' })).toBeUndefined();
});

/** A store of one quota with compare-and-set, as the API gives it. */
function world(start: KubeObject, others: KubeObject[] = []) {
  let version = 1;
  const objects = [{ ...start, metadata: { ...start.metadata, resourceVersion: '1' } }, ...others];
  const reader = fakeReader(objects);
  const client = {
    async update(_: unknown, next: KubeObject) {
      await Promise.resolve();
      if (next.metadata.resourceVersion !== objects[0]!.metadata.resourceVersion)
        throw conflict({ group: '', plural: 'resourcequotas' }, 'o');
      objects[0] = { ...next, metadata: { ...next.metadata, resourceVersion: String(++version) } };
      return objects[0];
    },
  } as unknown as Client;
  const sleeping: (() => void)[] = [];
  const clock: Clock = { nowMs: () => 0, sleep: () => new Promise((resolve) => sleeping.push(resolve)) };
  const plugin = resourceQuota(reader, client, clock);
  const create = (what: KubeObject, more: object = {}) =>
    plugin.validate!({
      operation: 'CREATE',
      kind: { group: '', kind: what.kind, plural: 'pods' },
      subresource: '',
      namespace: 'a',
      name: what.metadata.name,
      object: what,
      dryRun: false,
      warnings: [],
      annotate: () => {},
      options: {},
      ...more,
    } as unknown as Attributes);
  /** Time passes for whoever sleeps, and what they do then is done. */
  const wake = async () => {
    for (const resolve of sleeping.splice(0)) resolve();
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  const remove = (what: KubeObject) => create(what, { operation: 'DELETE', object: undefined, oldObject: what });
  return { create, remove, wake, objects, used: () => objects[0]!['status']?.used, reader, quota: () => objects[0]! };
}

describe('admission', () => {
  test('of many creates at once exactly as many pass as fit', async () => {
    const { create, used } = world(quota({ pods: '5' }, {}, { pods: '0' }));
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => create(pod(`p${i}`, '1'))));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(5);
    expect(used()).toEqual({ pods: '5' });
  });
  test('the refusal names what was exceeded', async () => {
    const { create } = world(quota({ pods: '5', 'requests.cpu': '1' }, {}, { pods: '1', 'requests.cpu': '600m' }));
    await expect(create(pod('f', '600m'))).rejects.toThrow(
      'pods "f" is forbidden: exceeded quota: o, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
    );
  });
  test('a create that fails later gives back', async () => {
    const { create, used } = world(quota({ pods: '5' }, {}, { pods: '1' }));
    const settle = await create(pod('p', '1'));
    expect(used()).toEqual({ pods: '2' });
    await settle?.(false);
    expect(used()).toEqual({ pods: '1' });
  });
  test('a recount waits for what is counted and not yet stored', async () => {
    const { create, remove, wake, objects, used } = world(quota({ pods: '5' }, {}, { pods: '2' }), [pod('here', '1')]);
    const [slow, failing] = [await create(pod('slow', '1')), await create(pod('failing', '1'))];
    remove(pod('gone', '1')); // another: a recount is due
    await wake();
    expect(used()).toEqual({ pods: '4' });
    objects.push(pod('slow', '1'));
    await slow?.(true);
    await failing?.(false);
    await wake();
    expect(used()).toEqual({ pods: '2' }); // here and slow
    await (await create(pod('next', '1')))?.(false);
    expect(used()).toEqual({ pods: '2' });
  });
  test.each(['pods', 'persistentvolumeclaims'])('a status of %s may free what was counted', async (plural) => {
    const { create, wake, used } = world(quota({ pods: '5' }, {}, { pods: '2' }), [pod('here', '1')]);
    await create(pod('other', '1'), { operation: 'UPDATE', subresource: 'status', kind: { group: '', kind: 'Any', plural } });
    await wake();
    expect(used()).toEqual({ pods: '1' });
  });
  test('a dry run is checked and not counted', async () => {
    const { create, used } = world(quota({ pods: '1' }, {}, { pods: '0' }));
    await create(pod('p', '1'), { dryRun: true });
    expect(used()).toEqual({ pods: '0' });
  });
  test('without a status what is there is counted first', async () => {
    const {
      create,
      used,
      reader,
      quota: present,
    } = world(quota({ pods: '2' }), [pod('x', '1'), { ...pod('done', '1'), status: { phase: 'Succeeded' } }]);
    expect(recounted(present(), reader)).toEqual({ pods: '1' });
    await create(pod('p', '1'));
    expect(used()).toEqual({ pods: '2' });
    await expect(create(pod('q', '1'))).rejects.toThrow('exceeded quota');
  });
});
