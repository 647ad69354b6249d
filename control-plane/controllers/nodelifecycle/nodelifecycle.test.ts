import { expect, test } from 'vitest';
import type { Node, Taint } from '../../../api/gen/types/core.v1.ts';
import { hear, lostConditions, lostInMs } from './health.ts';
import { taintsFor } from './taints.ts';

const node = (conditions: Record<string, string>, taints: Taint[] = [], unschedulable = false): Node => ({
  metadata: { name: 'n', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { taints, ...(unschedulable ? { unschedulable } : {}) },
  status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status, lastHeartbeatTime: 't1' })) },
});
const taint = (key: string, effect = 'NoSchedule'): Taint => ({ key, effect });
const told = (taints: Taint[] | undefined) =>
  taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`).join(' ');
const notReady = 'node.kubernetes.io/not-ready';

test.each<[string, Node, boolean, string | undefined]>([
  ['ready, nothing to do', node({ Ready: 'True' }), true, undefined],
  ['ready at last', node({ Ready: 'True' }, [taint(notReady), taint('mine')]), true, 'mine:NoSchedule'],
  ['not ready', node({ Ready: 'False' }), true, 'not-ready:NoSchedule not-ready:NoExecute'],
  ['not ready, like all others', node({ Ready: 'False' }), false, 'not-ready:NoSchedule'],
  ['silent', node({ Ready: 'Unknown' }, [taint(notReady)]), true, 'unreachable:NoExecute unreachable:NoSchedule'],
  ['never told, tainted by admission', node({}, [taint(notReady)]), true, 'not-ready:NoSchedule unreachable:NoSchedule'],
  ['pressure', node({ Ready: 'True', DiskPressure: 'True', MemoryPressure: 'False' }), true, 'disk-pressure:NoSchedule'],
  ['cordoned', node({ Ready: 'True' }, [], true), true, 'unschedulable:NoSchedule'],
  ['evictions of others stay', node({ Ready: 'True' }, [taint('mine', 'NoExecute')]), true, undefined],
])('%s', (_, of, evict, expected) => {
  expect(told(taintsFor(of, evict, 'now'))).toBe(expected);
});

test('a node is lost 50 s after its last sign of life, by our own clock', () => {
  const alive = node({ Ready: 'True' });
  const lease = (renewTime: string) => ({ metadata: { name: 'n' }, spec: { renewTime } });
  const first = hear(undefined, alive, lease('r1'), 1_000);
  expect(lostInMs(alive, first, 1_000)).toBe(50_000);
  const same = hear(first, alive, lease('r1'), 40_000);
  expect(lostInMs(alive, same, 51_000)).toBe(0);
  expect(lostInMs(alive, hear(same, alive, lease('r2'), 45_000), 51_000)).toBe(44_000);
});

test('the conditions of a lost node', () => {
  const conditions = lostConditions(node({ Ready: 'True', DiskPressure: 'False' }), Date.parse('2026-02-01T00:00:00Z'));
  expect(conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
    'Ready Unknown NodeStatusUnknown',
    'DiskPressure Unknown NodeStatusUnknown',
    'MemoryPressure Unknown NodeStatusNeverUpdated',
    'PIDPressure Unknown NodeStatusNeverUpdated',
  ]);
});
