import { expect, test } from 'vitest';
import { flowControlObjects } from '../../../api/kinds/index.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { dangling, restored } from './controller.ts';

const named = (kind: string, name: string): KubeObject =>
  flowControlObjects.find((object) => object.kind === kind && object.metadata.name === name) as KubeObject;
const changed = (object: KubeObject, annotation: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { 'apf.kubernetes.io/autoupdate-spec': annotation } },
  spec: { ...object['spec'], changed: true },
});

test.each<[string, string, string, boolean]>([
  ['FlowSchema', 'probes', 'true', true],
  ['FlowSchema', 'probes', 'false', false],
  ['FlowSchema', 'catch-all', 'false', true],
  ['PriorityLevelConfiguration', 'catch-all', 'false', true],
  ['PriorityLevelConfiguration', 'exempt', 'false', false],
])('%s %s, changed while the annotation says %s: put back %s', (kind, name, annotation, back) => {
  const object = named(kind, name);
  expect(restored(object, changed(object, annotation)) !== undefined).toBe(back);
  expect(restored(object, object)).toBeUndefined();
  expect(restored(object, undefined)).toBe(object);
});

test('every schema leads to a level of the list', () => {
  const levels = flowControlObjects.filter(({ kind }) => kind === 'PriorityLevelConfiguration').map(({ metadata }) => metadata.name);
  const missing = flowControlObjects.filter(
    ({ kind, ['spec']: spec }) => kind === 'FlowSchema' && !levels.includes(spec.priorityLevelConfiguration.name),
  );
  expect(missing).toEqual([]);
});

test('a schema is told when its level is missing', () => {
  expect(dangling('x', false)).toEqual({
    status: 'True',
    reason: 'NotFound',
    message: 'This FlowSchema references the PriorityLevelConfiguration object named "x" but there is no such object',
  });
  expect(dangling('x', true).reason).toBe('Found');
});
