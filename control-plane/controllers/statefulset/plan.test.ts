import { expect, test } from 'vitest';
import type { StatefulSet, StatefulSetSpec } from '../../../api/gen/types/apps.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { type StatefulWorld, statusOf, stepsOf } from './plan.ts';

const set = (replicas: number, spec: Partial<StatefulSetSpec> = {}): StatefulSet => ({
  metadata: { name: 'w' },
  spec: { replicas, selector: {}, template: {}, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, ...spec },
});
/** `0` a ready pod, `0!` one that is not ready, `0x` failed, `0-` terminating; `0/old` of the old revision. */
function pods(...sketches: string[]): Pod[] {
  return sketches.map((sketch) => {
    const [, ordinal = '', mark = '', revision = 'new'] = /^(\d+)([!x-]?)(?:\/(\w+))?$/.exec(sketch) ?? [];
    return {
      metadata: {
        name: `w-${ordinal}`,
        uid: ordinal,
        labels: { 'controller-revision-hash': revision },
        ...(mark === '-' ? { deletionTimestamp: 't' } : {}),
      },
      status: {
        phase: mark === 'x' ? 'Failed' : 'Running',
        conditions: mark === '!' ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    };
  });
}
const world = (of: StatefulSet, there: Pod[]): StatefulWorld => ({
  set: of,
  pods: there,
  currentRevision: 'old',
  updateRevision: 'new',
  nowMs: Date.parse('2026-01-02T00:00:00Z'),
});
const told = (of: StatefulSet, there: Pod[]) =>
  stepsOf(world(of, there)).map((step) =>
    step.do === 'create' ? `+${step.ordinal}/${step.revision}` : `-${step.pod.metadata.uid} ${step.why}`,
  );
const parallel = { podManagementPolicy: 'Parallel' };
const partition = (value: number) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: value } } });

test.each<[string, StatefulSet, Pod[], string[]]>([
  ['the first alone', set(3), [], ['+0/new']],
  ['the next only when the one before is ready', set(3), pods('0!'), []],
  ['the next', set(3), pods('0'), ['+1/new']],
  ['all at once when parallel', set(3, parallel), pods('1'), ['+0/new', '+2/new']],
  ['a failed pod is removed first', set(1), pods('0x'), ['-0 failed']],
  ['not while it terminates', set(1), pods('0-'), []],
  ['scaled down from the top, one by one', set(1), pods('0', '1', '2'), ['-2 scaled']],
  ['scaled down at once when parallel', set(1, parallel), pods('0', '1', '2'), ['-2 scaled', '-1 scaled']],
  ['updated from the top', set(2), pods('0/old', '1/old'), ['-1 updated']],
  ['the next update only when the one above is ready', set(2), pods('0/old', '1!'), []],
  ['then the next', set(2), pods('0/old', '1'), ['-0 updated']],
  ['down to the partition', set(2, partition(1)), pods('0/old', '1'), []],
  ['below the partition it comes back old', set(2, partition(1)), pods('1'), ['+0/old']],
  ['OnDelete waits', set(1, { updateStrategy: { type: 'OnDelete' } }), pods('0/old'), []],
])('%s', (_, of, there, expected) => {
  expect(told(of, there)).toEqual(expected);
});

test('when all are updated and ready, the update is the current revision', () => {
  expect(statusOf(world(set(2), pods('0', '1')), 0)).toMatchObject({
    currentRevision: 'new',
    currentReplicas: 2,
    updatedReplicas: 2,
    readyReplicas: 2,
  });
  expect(statusOf(world(set(2), pods('0/old', '1')), 0)).toMatchObject({ currentRevision: 'old', currentReplicas: 1, updatedReplicas: 1 });
});
