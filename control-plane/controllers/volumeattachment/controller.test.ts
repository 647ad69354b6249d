import { expect, test } from 'vitest';
import type { PersistentVolume, Pod } from '../../../api/gen/types/core.v1.ts';
import { attachmentOf, holdsForMs } from './controller.ts';

test('an attachment is named by volume, driver and node, as attachers and agents expect', () => {
  const volume = { metadata: { name: 'pv' }, spec: { csi: { driver: 'd.example', volumeHandle: 'h' } } } as PersistentVolume;
  const made = attachmentOf(volume, 'n1');
  expect(made.metadata.name).toMatch(/^csi-[0-9a-f]{64}$/);
  expect(made.metadata.name).not.toBe(attachmentOf(volume, 'n2').metadata.name);
  expect(made.spec).toEqual({ attacher: 'd.example', nodeName: 'n1', source: { persistentVolumeName: 'pv' } });
});

const ended = Date.parse('2026-01-01T00:00:00Z');
const pod = (phase: string) =>
  ({ status: { phase, containerStatuses: [{ state: { terminated: { finishedAt: '2026-01-01T00:00:00Z' } } }] } }) as Pod;
test.each([
  ['Running', ended + 3_600_000, Number.POSITIVE_INFINITY],
  ['Succeeded', ended + 10_000, 20_000],
  ['Failed', ended + 31_000, 0],
])('a pod that is %s at %d', (phase, nowMs, forMs) => expect(holdsForMs(pod(phase), nowMs)).toBe(forMs));
