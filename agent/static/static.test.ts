import { expect, test } from 'vitest';
import { mirrorOf } from './mirror.ts';
import { podOfFile } from './pod-of-file.ts';

const manifest = (spec: string) => `apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {a: b}}\nspec: ${spec}\n`;
const plain = manifest('{containers: [{name: c, image: i}]}');

test('a static pod has the name of its node, a uid of its contents and defaults', () => {
  const pod = podOfFile(plain, '/m/web.yaml', 'n1');
  expect(pod.metadata).toMatchObject({ name: 'web-n1', namespace: 'default', labels: { a: 'b' } });
  expect(pod.metadata.uid).toMatch(/^[0-9a-f]{32}$/);
  expect(pod.metadata.annotations).toEqual({ 'kubernetes.io/config.hash': pod.metadata.uid, 'kubernetes.io/config.source': 'file' });
  expect(pod.spec).toMatchObject({ nodeName: 'n1', restartPolicy: 'Always', tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] });
  expect(podOfFile(plain, '/m/web.yaml', 'n1').metadata.uid).toBe(pod.metadata.uid);
  expect(podOfFile(plain.replace('image: i', 'image: j'), '/m/web.yaml', 'n1').metadata.uid).not.toBe(pod.metadata.uid);
});

test.each([
  ['[1]', 'is not one object'],
  ['apiVersion: v1\nkind: Secret', 'is a v1 Secret, not a v1 Pod'],
  ['apiVersion: v1\nkind: Pod\nspec: {}', 'metadata.name is missing'],
  [manifest('{containers: []}'), 'spec.containers'],
  [manifest('{containers: [{name: c, image: i, envFrom: [{secretRef: {name: s}}]}]}'), 'may not reference secrets'],
  [manifest('{containers: [{name: c, image: i}], volumes: [{name: v, configMap: {name: m}}]}'), 'may not reference configmaps'],
  [manifest('{containers: [{name: c, image: i}], serviceAccountName: s}'), 'may not reference serviceaccounts'],
])('%j is refused', (text, message) => expect(() => podOfFile(text, '/m/x', 'n1')).toThrow(message));

test('a mirror belongs to its node and names what it shows', () => {
  const pod = podOfFile(plain, '/m/web.yaml', 'n1');
  const mirror = mirrorOf(pod, { name: 'n1', uid: 'u' });
  expect(mirror.metadata.uid).toBeUndefined();
  expect(mirror.metadata.annotations?.['kubernetes.io/config.mirror']).toBe(pod.metadata.uid);
  expect(mirror.metadata.ownerReferences).toEqual([{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u', controller: true }]);
});
