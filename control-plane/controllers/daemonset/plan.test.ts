import { expect, test } from 'vitest';
import type { DaemonSet } from '../../../api/gen/types/apps.v1.ts';
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { type DaemonPlan, type DaemonWorld, keepOneANode, roll, statusOf } from './plan.ts';
import { daemonPod } from './pod.ts';

const set = (rollingUpdate: { maxSurge?: number; maxUnavailable?: number } = {}): DaemonSet => ({
  metadata: { name: 'd', uid: 'd', generation: 1 },
  spec: {
    selector: {},
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [], nodeSelector: { use: 'yes' } } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate },
  },
});
const node = (name: string, use = 'yes', taint?: string): Node => ({
  metadata: { name, labels: { use } },
  spec: taint ? { taints: [{ key: 'k', effect: taint }] } : {},
});
/** `a` ready on node a, `a!` not ready, `a/old` of the old revision. */
function world(of: DaemonSet, nodes: Node[], ...sketches: string[]): DaemonWorld {
  const podsByNode = new Map<string, Pod[]>();
  for (const sketch of sketches) {
    const [, on = '', mark = '', hash = 'new'] = /^([a-c])([!x]?)(?:\/(\w+))?$/.exec(sketch) ?? [];
    const status = {
      phase: mark === 'x' ? 'Failed' : 'Running',
      conditions: mark === '' ? [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] : [],
    };
    podsByNode.set(on, [
      ...(podsByNode.get(on) ?? []),
      { metadata: { name: sketch, labels: { 'controller-revision-hash': hash } }, spec: { containers: [], nodeName: on }, status },
    ]);
  }
  return { set: of, hash: 'new', nodes, podsByNode, nowMs: Date.parse('2026-01-02T00:00:00Z') };
}
const told = (plan: DaemonPlan) =>
  [
    ...plan.create.map((name) => `+${name}`),
    ...plan.delete.map(({ metadata }) => `-${metadata.name}`),
    ...plan.ended.map(({ pod }) => `ended ${pod.metadata.name}`),
  ].join(' ');
const ab = [node('a'), node('b')];

test.each<[string, DaemonWorld, string]>([
  ['one on each node', world(set(), ab, 'a'), '+b'],
  ['none where the selector does not match', world(set(), [node('a', 'no')]), ''],
  ['gone from there', world(set(), [node('a', 'no')], 'a'), '-a'],
  [
    'a taint keeps new ones away and lets the old stay',
    world(set(), [node('a', 'yes', 'NoSchedule'), node('b', 'yes', 'NoSchedule')], 'a'),
    '',
  ],
  ['NoExecute drives them away', world(set(), [node('a', 'yes', 'NoExecute')], 'a'), '-a'],
  ['a failed one is to be replaced', world(set(), [node('a')], 'ax'), 'ended ax'],
  ['too many', world(set(), [node('a')], 'a', 'a!'), '-a!'],
])('%s', (_, of, expected) => {
  expect(told(keepOneANode(of))).toBe(expected);
});

test.each<[string, DaemonWorld, string]>([
  ['one at a time', world(set(), ab, 'a/old', 'b/old'), '-a/old'],
  ['the next when the first is ready', world(set(), ab, 'a', 'b/old'), '-b/old'],
  ['not before', world(set(), ab, 'a!', 'b/old'), ''],
  ['broken ones at once', world(set(), ab, 'a!/old', 'b!/old'), '-a!/old -b!/old'],
  ['two at a time', world(set({ maxUnavailable: 2 }), ab, 'a/old', 'b/old'), '-a/old -b/old'],
  ['by surge: beside the old', world(set({ maxSurge: 1, maxUnavailable: 0 }), ab, 'a/old', 'b/old'), '+a'],
  ['by surge: the old goes when the new is ready', world(set({ maxSurge: 1, maxUnavailable: 0 }), ab, 'a/old', 'a', 'b/old'), '+b -a/old'],
])('rolls %s', (_, of, expected) => {
  expect(told(roll(of))).toBe(expected);
});

test('status counts', () => {
  expect(statusOf(world(set(), [...ab, node('c', 'no')], 'a', 'b!/old', 'c'), undefined)).toEqual({
    currentNumberScheduled: 2,
    desiredNumberScheduled: 2,
    numberMisscheduled: 1,
    numberReady: 1,
    numberAvailable: 1,
    numberUnavailable: 1,
    updatedNumberScheduled: 1,
    observedGeneration: 1,
  });
});

test('a daemon pod is pinned to its node and stays through trouble', () => {
  const pod = daemonPod(set(), 'a', 'h') as Pod;
  expect(pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms).toEqual([
    { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] },
  ]);
  expect(pod.spec?.tolerations?.map(({ key, effect }) => `${key}:${effect}`)).toContain('node.kubernetes.io/unreachable:NoExecute');
  expect(pod.metadata.labels).toEqual({ a: 'b', 'controller-revision-hash': 'h' });
});
