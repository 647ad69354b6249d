import { describe, expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { type Allotment, choose, completed, reusable, together, wishesOf } from './allotment.ts';

const GPU = 'x.io/gpu';
const nothing = { envs: {}, mounts: [], devices: [], annotations: {}, cdiDevices: [] };
const given = (container: string, deviceIds: string[], podUid = 'p'): Allotment => ({
  podUid,
  container,
  resource: GPU,
  deviceIds,
  answer: nothing,
});
const wish = (container: string, count: number) => ({ podUid: 'p', container, resource: GPU, count });
const healthy = (...ids: string[]) => ({ healthy: new Set(ids) });

test('wishes are the limits of resources that plugins offer', () => {
  const container = { name: 'c', resources: { limits: { cpu: '1', [GPU]: '2', 'a.io/nic': '1', 'x.io/none': '0', 'x.io/other': '3' } } };
  const wishes = wishesOf('p', container, (resource) => resource !== 'cpu' && resource !== 'x.io/other');
  expect(wishes.map(({ resource, count }) => [resource, count])).toEqual([
    ['a.io/nic', 1],
    [GPU, 2],
  ]);
});

describe('choice', () => {
  test.each<[string, Parameters<typeof choose>, string]>([
    ['no plugin', [wish('c', 1), undefined, [], []], 'cannot allocate unregistered device x.io/gpu'],
    ['none healthy', [wish('c', 1), healthy(), [], []], 'no healthy devices present; cannot allocate unhealthy devices x.io/gpu'],
    [
      'short',
      [wish('c', 2), healthy('a', 'b'), [given('c', ['a'], 'other')], []],
      'requested number of devices unavailable for x.io/gpu. Requested: 2, Available: 1',
    ],
    [
      'its own is ill',
      [wish('c', 1), healthy('b'), [given('c', ['a'])], []],
      'previously allocated devices are no longer healthy; cannot allocate unhealthy devices x.io/gpu',
    ],
    [
      'another number than before',
      [wish('c', 2), healthy('a', 'b'), [given('c', ['a'])], []],
      'pod "p" container "c" changed request for resource "x.io/gpu" from 1 to 2',
    ],
  ])('%s', (_name, args, why) => expect(() => choose(...args)).toThrow(why));

  test('what a container has it keeps', () => expect(choose(wish('c', 1), healthy('a', 'b'), [given('c', ['b'])], [])).toBeUndefined());

  test('what is taken is not free; the order is that of people', () => {
    const choice = choose(wish('c', 2), healthy('g10', 'g9', 'g1'), [given('d', ['g1'])], []);
    expect(choice).toEqual({ kept: [], free: ['g9', 'g10'], missing: 2 });
  });

  test('what an init container left is taken first', () => {
    const choice = choose(wish('c', 2), healthy('a', 'b', 'c'), [given('init', ['b'])], ['b']);
    expect(choice).toEqual({ kept: ['b'], free: ['a', 'c'], missing: 1 });
    expect(completed(choice!, ['b', 'c'])).toEqual(['b', 'c']);
  });

  test.each<[string, string[], string[]]>([
    ['without an opinion', [], ['a', 'b']],
    ['as the plugin likes', ['c', 'a'], ['a', 'c']],
    ['too few named', ['c'], ['c', 'a']],
    ['what is not free does not count', ['z', 'b'], ['b', 'a']],
  ])('%s', (_name, preferred, expected) => expect(completed({ kept: [], free: ['a', 'b', 'c'], missing: 2 }, preferred)).toEqual(expected));
});

test('init containers pass on what they had, sidecars keep it', () => {
  const container = (name: string, more: Partial<Container> = {}): Container => ({ name, ...more });
  const pod: Pod = {
    metadata: { uid: 'p' },
    spec: {
      initContainers: [container('one'), container('side', { restartPolicy: 'Always' }), container('two')],
      containers: [container('main'), container('last')],
    },
  };
  const all = [given('one', ['a', 'b']), given('side', ['a']), given('two', ['b', 'c']), given('main', ['b']), given('x', ['z'], 'q')];
  const left = (name: string) => reusable(pod, wish(name, 1), all);
  expect([left('one'), left('side'), left('two'), left('main'), left('last')]).toEqual([[], ['a', 'b'], ['b'], ['b', 'c'], ['c']]);
});

test('of two that bring the same the first counts', () => {
  const a = { ...nothing, envs: { A: '1', B: '1' }, devices: [{ containerPath: '/dev/a', hostPath: '/dev/null', permissions: 'r' }] };
  const b = {
    envs: { B: '2', C: '2' },
    mounts: [{ containerPath: '/m', hostPath: '/h', readOnly: true }],
    devices: [{ containerPath: '/dev/a', hostPath: '/dev/zero', permissions: 'rw' }],
    annotations: { k: 'v' },
    cdiDevices: [{ name: 'x.io/gpu=0' }, { name: 'x.io/gpu=0' }],
  };
  expect(together([a, b])).toEqual({
    env: [
      ['A', '1'],
      ['B', '1'],
      ['C', '2'],
    ],
    mounts: [{ containerPath: '/m', hostPath: '/h', readonly: true }],
    devices: [{ containerPath: '/dev/a', hostPath: '/dev/null', permissions: 'r' }],
    annotations: { k: 'v' },
    cdiDevices: ['x.io/gpu=0'],
  });
});
