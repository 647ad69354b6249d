import { expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../api/gen/types/apps.v1.ts';
import { beyondHistory, findNewSet, makeNewSet, newSetAnnotations, nextRevision } from './revisions.ts';

const template = (image: string, labels: Record<string, string> = { app: 'x' }) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image }] },
});
const deployment = (image: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', namespace: 'n', uid: 'u', annotations: { mine: 'yes', 'deployment.kubernetes.io/revision': '9' } },
  spec: { replicas: 2, selector: { matchLabels: { app: 'x' } }, template: template(image), revisionHistoryLimit: 1 },
});
const set = (name: string, image: string, revision: number | bigint, replicas = 0): ReplicaSet => ({
  metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z', annotations: { 'deployment.kubernetes.io/revision': String(revision) } },
  spec: { replicas, selector: {}, template: template(image, { app: 'x', 'pod-template-hash': name }) },
  status: { replicas },
});

test('templates are compared without their hash', () => {
  const sets = [set('a', 'i:1', 1), set('b', 'i:2', 2)];
  expect(findNewSet(deployment('i:2'), sets)?.metadata.name).toBe('b');
  expect(findNewSet(deployment('i:3'), sets)).toBeUndefined();
  expect(nextRevision(sets)).toBe(3n);
  expect(nextRevision([set('c', 'i:3', 3546343826724305832n), ...sets])).toBe(3546343826724305833n);
});

test('a new set has the hash in its name, labels, selector and template', () => {
  const made = makeNewSet(deployment('i:1'), 1n);
  const hash = made.metadata.labels?.['pod-template-hash'] ?? '';
  expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  expect(made.metadata.name).toBe(`d-${hash}`);
  expect(made.spec?.selector.matchLabels).toEqual({ app: 'x', 'pod-template-hash': hash });
  expect(made.spec?.template?.metadata?.labels).toEqual({ app: 'x', 'pod-template-hash': hash });
  expect(made.metadata.annotations).toEqual({
    mine: 'yes',
    'deployment.kubernetes.io/revision': '1',
    'deployment.kubernetes.io/desired-replicas': '2',
    'deployment.kubernetes.io/max-replicas': '3',
  });
});

test('a collision gives another hash, the same template always the same', () => {
  const collided = { ...deployment('i:1'), status: { collisionCount: 1 } };
  expect(makeNewSet(deployment('i:1'), 1n).metadata.name).toBe(makeNewSet(deployment('i:1'), 2n).metadata.name);
  expect(makeNewSet(collided, 1n).metadata.name).not.toBe(makeNewSet(deployment('i:1'), 1n).metadata.name);
});

test('a set that becomes the present one again remembers its earlier number', () => {
  expect(newSetAnnotations(deployment('i:1'), set('a', 'i:1', 1), 3n)).toMatchObject({
    'deployment.kubernetes.io/revision': '3',
    'deployment.kubernetes.io/revision-history': '1',
    mine: 'yes',
  });
});

test('history keeps the newest, and whatever still has pods', () => {
  const names = (sets: ReplicaSet[]) => beyondHistory(deployment('i:9'), sets).map(({ metadata }) => metadata.name);
  expect(names([set('c', 'i:3', 3), set('a', 'i:1', 1), set('b', 'i:2', 2)])).toEqual(['a', 'b']);
  expect(names([set('c', 'i:3', 3), set('a', 'i:1', 1, 1), set('b', 'i:2', 2)])).toEqual(['b']);
});
