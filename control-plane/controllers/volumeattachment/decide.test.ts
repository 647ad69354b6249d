import { expect, test } from 'vitest';
import type { Node, PersistentVolume, Pod } from '../../../api/gen/types/core.v1.ts';
import { allowsSeveralNodes, attachmentOf, type Detach, detachStep, multiAttachMessage, needsVolumes } from './decide.ts';

test('an attachment is named by volume, driver and node, as attachers and agents expect', () => {
  const volume = { metadata: { name: 'pv' }, spec: { csi: { driver: 'd.example', volumeHandle: 'h' } } } as PersistentVolume;
  const made = attachmentOf(volume, 'n1');
  expect(made.metadata.name).toMatch(/^csi-[0-9a-f]{64}$/);
  expect(made.metadata.name).not.toBe(attachmentOf(volume, 'n2').metadata.name);
  expect(made.spec).toEqual({ attacher: 'd.example', nodeName: 'n1', source: { persistentVolumeName: 'pv' } });
});

const running = { containerStatuses: [{ state: { running: {} } }] };
const over = { containerStatuses: [{ state: { terminated: {} } }] };
test.each<[string, object, object, boolean]>([
  ['waits to be started', {}, {}, true],
  ['runs', {}, { phase: 'Running', ...running }, true],
  ['has ended', {}, { phase: 'Succeeded', ...over }, false],
  ['is being stopped', { deletionTimestamp: 'now' }, { phase: 'Running', ...running }, true],
  ['has been stopped', { deletionTimestamp: 'now' }, { phase: 'Running', ...over }, false],
])('a pod that %s needs its volumes or not', (_, metadata, status, needs) =>
  expect(needsVolumes({ metadata, spec: { nodeName: 'n' }, status } as Pod)).toBe(needs),
);

const MINUTE = 60_000;
const node = (ready: string, volumesInUse: string[], key = 'other') =>
  ({ spec: { taints: [{ key, effect: 'NoExecute' }] }, status: { conditions: [{ type: 'Ready', status: ready }], volumesInUse } }) as Node;
const forEver: Detach = { do: 'wait', forMs: Number.POSITIVE_INFINITY };
test.each<[string, Node | undefined, number, Detach]>([
  ['does not use it', node('True', ['w']), 0, { do: 'detach safely' }],
  ['is away but had unmounted it', node('Unknown', []), 0, { do: 'detach safely' }],
  ['uses it', node('True', ['v']), 60 * MINUTE, forEver],
  ['is away with it', node('Unknown', ['v']), MINUTE, { do: 'wait', forMs: 5 * MINUTE }],
  ['is away with it for long', node('Unknown', ['v']), 6 * MINUTE, { do: 'detach' }],
  ['is out of service', node('Unknown', ['v'], 'node.kubernetes.io/out-of-service'), 0, { do: 'detach' }],
  ['is gone', undefined, 2 * MINUTE, { do: 'wait', forMs: 4 * MINUTE }],
])('of a node that %s', (_, of, askedForMs, step) => expect(detachStep(of, 'v', askedForMs)).toEqual(step));

test.each<[string[], boolean]>([
  [['ReadWriteOnce'], false],
  [['ReadWriteOncePod'], false],
  [['ReadWriteOnce', 'ReadOnlyMany'], true],
  [[], true],
])('%j for several nodes: %s', (accessModes, several) =>
  expect(allowsSeveralNodes({ metadata: {}, spec: { accessModes } } as PersistentVolume)).toBe(several),
);

test.each<[string[], string]>([
  [[], "Volume is already exclusively attached to one node and can't be attached to another"],
  [['a/x', 'a/y'], 'Volume is already used by pod(s) x, y'],
  [['a/x', 'b/y'], 'Volume is already used by pod(s) x and 1 pod(s) in different namespaces'],
  [['b/x', 'b/y'], 'Volume is already used by 2 pod(s) in different namespaces'],
])('who has it, told to namespace a: %j', (users, why) => {
  const pods = users.map((key) => ({ metadata: { namespace: key[0], name: key.slice(2) } }) as Pod);
  expect(multiAttachMessage('pv', 'a', pods)).toBe(`Multi-Attach error for volume "pv" ${why}`);
});
