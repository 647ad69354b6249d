import { describe, expect, test } from 'vitest';
import type { Node, Pod, PodSpec, Taint } from '../../api/gen/types/core.v1.ts';
import type { Labels } from '../../api/meta/index.ts';
import { Cluster, type Surroundings } from './cluster.ts';
import { enoughNodes, explain, explainNoVictims, feasibleNodes } from './feasible.ts';
import { podInfoOf } from './pod-info.ts';
import { findVictims } from './preemption.ts';
import { best } from './scores.ts';

const nothing: Surroundings = {
  namespacesMatching: () => [],
  ownSelector: () => undefined,
  volumes: () => undefined,
  exclusiveClaims: () => [],
  tooManyVolumes: () => undefined,
};

interface NodeSketch {
  name: string;
  labels?: Labels;
  cpu?: string;
  pods?: string;
  taints?: Taint[];
  unschedulable?: boolean;
}
const node = ({ name, labels, cpu = '4', pods = '110', taints, unschedulable }: NodeSketch): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}) },
  status: { allocatable: { cpu, memory: '8Gi', pods } },
});

let serial = 0;
const pod = (spec: Partial<PodSpec> = {}, labels: Labels = {}): Pod => {
  const name = `p${++serial}`;
  return { metadata: { namespace: 'n', name, uid: name, labels: { ...labels } }, spec: { containers: [{ name: 'c' }], ...spec } };
};
const asking = (cpu: string, spec: Partial<PodSpec> = {}) =>
  pod({ containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec });

function clusterOf(nodes: NodeSketch[], placed: [Pod, string][] = [], surroundings: Surroundings = nothing): Cluster {
  const cluster = new Cluster(surroundings);
  for (const sketch of nodes) cluster.setNode(node(sketch));
  for (const [there, where] of placed) cluster.setPod(there, where);
  return cluster;
}

function why(wanted: Pod, cluster: Cluster): string {
  const result = feasibleNodes(podInfoOf(wanted), cluster, 0);
  if (result.nodes.length > 0) return result.nodes.map(({ name }) => name).join(' ');
  return explain(cluster.nodes.size, result, explainNoVictims(cluster.nodes.size, result));
}

const abc = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
const hopeless = (reasons: string, total = 3) =>
  `0/${total} nodes are available: ${reasons}. preemption: 0/${total} nodes are available: ${total} Preemption is not helpful for scheduling.`;
const noVictims = (reasons: string, total = 3) =>
  `0/${total} nodes are available: ${reasons}. preemption: 0/${total} nodes are available: ${total} No preemption victims found for incoming pod.`;

const near = (labels: Labels, topologyKey = 'kubernetes.io/hostname') => ({
  requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { ...labels } }, topologyKey }],
});
const using = (claimName: string, spec: Partial<PodSpec> = {}) =>
  pod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }], ...spec });
const oneAtATime: Surroundings = { ...nothing, exclusiveClaims: ({ claims }) => claims.map((name) => `n/${name}`) };
const port80 = { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] };

describe('which nodes, and why none', () => {
  test.each<[string, Pod, Cluster, string]>([
    ['no nodes', pod(), clusterOf([]), 'no nodes available to schedule pods'],
    ['nothing asked', pod(), clusterOf(abc), 'a b c'],
    [
      'too much for what is left',
      asking('3'),
      clusterOf(abc, [
        [asking('2'), 'a'],
        [asking('2'), 'b'],
        [asking('2'), 'c'],
      ]),
      noVictims('3 Insufficient cpu'),
    ],
    ['too much for any', asking('5'), clusterOf(abc), hopeless('3 Insufficient cpu')],
    [
      'a resource nobody has',
      pod({ containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': '1' } } }] }),
      clusterOf(abc),
      hopeless('3 Insufficient example.com/gpu'),
    ],
    ['pods counted', pod(), clusterOf([{ name: 'a', pods: '1' }], [[pod(), 'a']]), noVictims('1 Too many pods', 1)],
    ['cordoned', pod(), clusterOf([{ name: 'a', unschedulable: true }]), hopeless('1 node(s) were unschedulable', 1)],
    ['taint', pod(), clusterOf([{ name: 'a', taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }, { name: 'b' }]), 'b'],
    [
      'taint everywhere',
      pod(),
      clusterOf([{ name: 'a', taints: [{ key: 'k', effect: 'NoExecute' }] }]),
      hopeless('1 node(s) had untolerated taint(s)', 1),
    ],
    [
      'taint tolerated',
      pod({ tolerations: [{ key: 'k', operator: 'Exists' }] }),
      clusterOf([{ name: 'a', taints: [{ key: 'k', effect: 'NoExecute' }] }]),
      'a',
    ],
    ['nodeSelector', pod({ nodeSelector: { disk: 'ssd' } }), clusterOf([...abc.slice(1), { name: 'a', labels: { disk: 'ssd' } }]), 'a'],
    [
      'nodeSelector nowhere',
      pod({ nodeSelector: { disk: 'ssd' } }),
      clusterOf(abc),
      hopeless("3 node(s) didn't match Pod's node affinity/selector"),
    ],
    [
      'host port taken',
      pod(port80),
      clusterOf(abc.slice(0, 1), [[pod(port80), 'a']]),
      noVictims("1 node(s) didn't have free ports for the requested pod ports", 1),
    ],
    ['host port free elsewhere', pod(port80), clusterOf(abc.slice(0, 2), [[pod(port80), 'a']]), 'b'],
    ['affinity', pod({ affinity: { podAffinity: near({ app: 'x' }) } }), clusterOf(abc, [[pod({}, { app: 'x' }), 'b']]), 'b'],
    [
      'affinity to nobody',
      pod({ affinity: { podAffinity: near({ app: 'x' }) } }),
      clusterOf(abc),
      hopeless("3 node(s) didn't match pod affinity rules"),
    ],
    ['affinity to oneself', pod({ affinity: { podAffinity: near({ app: 'x' }) } }, { app: 'x' }), clusterOf(abc), 'a b c'],
    ['anti-affinity', pod({ affinity: { podAntiAffinity: near({ app: 'x' }) } }), clusterOf(abc, [[pod({}, { app: 'x' }), 'b']]), 'a c'],
    [
      'anti-affinity of one that is there',
      pod({}, { app: 'x' }),
      clusterOf(abc, [[pod({ affinity: { podAntiAffinity: near({ app: 'x' }) } }), 'b']]),
      'a c',
    ],
    [
      'two reasons are sorted as text',
      asking('5', { nodeSelector: { disk: 'ssd' } }),
      clusterOf([...abc, { name: 'd', labels: { disk: 'ssd' } }]),
      hopeless("1 Insufficient cpu, 3 node(s) didn't match Pod's node affinity/selector", 4),
    ],
    [
      'spread over hosts',
      pod(
        {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { app: 'x' } },
            },
          ],
        },
        { app: 'x' },
      ),
      clusterOf(abc, [
        [pod({}, { app: 'x' }), 'a'],
        [pod({}, { app: 'x' }), 'b'],
      ]),
      'c',
    ],
    [
      'one named node',
      pod({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }],
            },
          },
        },
      }),
      clusterOf(abc),
      'b',
    ],
    [
      'a claim that is not there',
      pod(),
      clusterOf(abc, [], { ...nothing, volumes: () => ({ problem: 'persistentvolumeclaim "x" not found' }) }),
      hopeless('persistentvolumeclaim "x" not found'),
    ],
    [
      'a claim for one pod, that another has',
      using('c'),
      clusterOf(abc, [[using('c'), 'a']], oneAtATime),
      noVictims('3 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod'),
    ],
    ['a claim for one pod, free', using('c'), clusterOf([{ name: 'a' }], [[using('d'), 'a']], oneAtATime), 'a'],
    ['a claim for several pods', using('c'), clusterOf([{ name: 'a' }], [[using('c'), 'a']]), 'a'],
  ])('%s', (_, wanted, cluster, expected) => {
    expect(why(wanted, cluster)).toBe(expected);
  });

  test.each([
    [3, 3],
    [100, 100],
    [1000, 420],
    [10_000, 500],
  ])('of %i nodes %i are enough', (total, enough) => {
    expect(enoughNodes(total)).toBe(enough);
  });
});

describe('which of the nodes that fit', () => {
  const choose = (wanted: Pod, cluster: Cluster) => {
    const info = podInfoOf(wanted);
    return best(info, cluster, feasibleNodes(info, cluster, 0).nodes, () => 0.99).name;
  };
  test.each<[string, Pod, Cluster, string]>([
    [
      'the emptier one',
      asking('100m'),
      clusterOf(abc, [
        [asking('1'), 'a'],
        [asking('1'), 'c'],
      ]),
      'b',
    ],
    [
      'not one that prefers to be left alone',
      pod(),
      clusterOf([{ name: 'a', taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }, { name: 'b' }]),
      'b',
    ],
    [
      'the preferred one',
      pod({
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, preference: { matchExpressions: [{ key: 'z', operator: 'Exists' }] } },
            ],
          },
        },
      }),
      clusterOf([...abc, { name: 'd', labels: { z: '' } }]),
      'd',
    ],
    [
      'away from those it would rather not meet',
      pod({
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 100, podAffinityTerm: { labelSelector: { matchLabels: { app: 'x' } }, topologyKey: 'kubernetes.io/hostname' } },
            ],
          },
        },
      }),
      clusterOf(abc, [
        [pod({}, { app: 'x' }), 'a'],
        [pod({}, { app: 'x' }), 'b'],
      ]),
      'c',
    ],
  ])('%s', (_, wanted, cluster, expected) => {
    expect(choose(wanted, cluster)).toBe(expected);
  });
});

test('a claim is free again when its pod has gone', () => {
  const holder = using('c');
  const cluster = clusterOf([{ name: 'a' }], [[holder, 'a']], oneAtATime);
  cluster.setPod(holder, 'a'); // seen again: still one user
  cluster.removePod(holder.metadata.uid ?? '');
  expect(why(using('c'), cluster)).toBe('a');
});

describe('preemption', () => {
  const victimsOf = (wanted: Pod, cluster: Cluster, forbidden = new Set<string>()) => {
    const info = podInfoOf(wanted);
    const found = findVictims(info, cluster, feasibleNodes(info, cluster, 0), (pods) => new Set(pods.filter((p) => forbidden.has(p.name))));
    return found && { node: found.node, pods: found.pods.map(({ name }) => name) };
  };
  test('takes the less important pod that has the claim', () => {
    const holder = using('c', { priority: 1 });
    const cluster = clusterOf(abc, [[holder, 'b']], oneAtATime);
    expect(victimsOf(using('c', { priority: 2 }), cluster)).toEqual({ node: 'b', pods: [holder.metadata.name] });
  });
  test('takes the least important pods, and only as many as needed', () => {
    const [low, lower, high] = [asking('2', { priority: 5 }), asking('2', { priority: 1 }), asking('3', { priority: 9 })];
    const cluster = clusterOf(
      [{ name: 'a' }, { name: 'b' }],
      [
        [low, 'a'],
        [lower, 'a'],
        [high, 'b'],
      ],
    );
    expect(victimsOf(asking('2', { priority: 8 }), cluster)).toEqual({ node: 'a', pods: [lower.metadata.name] });
    expect(cluster.nodeOf(lower.metadata.uid ?? '')).toBe('a');
  });
  test('prefers a node where no budget is broken', () => {
    const [kept, other] = [asking('4', { priority: 1 }), asking('4', { priority: 2 })];
    const cluster = clusterOf(
      [{ name: 'a' }, { name: 'b' }],
      [
        [kept, 'a'],
        [other, 'b'],
      ],
    );
    expect(victimsOf(asking('2', { priority: 8 }), cluster, new Set([kept.metadata.name ?? '']))).toEqual({
      node: 'b',
      pods: [other.metadata.name],
    });
  });
  test('never takes equals', () => {
    const cluster = clusterOf([{ name: 'a' }], [[asking('4', { priority: 8 }), 'a']]);
    expect(victimsOf(asking('2', { priority: 8 }), cluster)).toBeUndefined();
  });
});
