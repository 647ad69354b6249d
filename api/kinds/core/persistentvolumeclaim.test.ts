// What a claim is filled from: which sources are kept, joined and refused.
import { describe, expect, test } from 'vitest';
import type { PersistentVolumeClaimSpec } from '../../gen/types/core.v1.ts';
import type { KubeObject } from '../../meta/index.ts';
import { persistentVolumeClaim } from './persistentvolumeclaim.ts';

type Sources = Pick<PersistentVolumeClaimSpec, 'dataSource' | 'dataSourceRef'>;
const claim = (sources: Sources): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'c', namespace: 'n' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...structuredClone(sources) },
  status: { phase: 'Pending' },
});
const sourcesOf = ({ spec }: KubeObject): Sources => ({
  ...(spec.dataSource ? { dataSource: spec.dataSource } : {}),
  ...(spec.dataSourceRef ? { dataSourceRef: spec.dataSourceRef } : {}),
});

const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
const other = { kind: 'PersistentVolumeClaim', name: 'o' };
const foreign = { apiGroup: 'example.com', kind: 'Bucket', name: 'b' };

test.each<[string, Sources, Sources]>([
  ['a snapshot', { dataSource: snapshot }, { dataSource: snapshot, dataSourceRef: snapshot }],
  ['a claim, by the newer field', { dataSourceRef: other }, { dataSource: other, dataSourceRef: other }],
  ['a populator’s kind in the older field is nothing', { dataSource: foreign }, {}],
  ['in the newer field it is one', { dataSourceRef: foreign }, { dataSource: foreign, dataSourceRef: foreign }],
  ['in both', { dataSource: foreign, dataSourceRef: foreign }, { dataSource: foreign, dataSourceRef: foreign }],
  ['another namespace is not on by default', { dataSourceRef: { ...snapshot, namespace: 'x' } }, {}],
  ['none', {}, {}],
])('%s', (_, given, kept) => {
  const made = claim(given);
  persistentVolumeClaim.prepareForCreate?.(made);
  expect(sourcesOf(made)).toEqual(kept);
  const updated = claim(given);
  persistentVolumeClaim.prepareForUpdate?.(updated, made);
  expect(sourcesOf(updated)).toEqual(kept);
});

test('an old client that leaves the newer field out keeps what the claim has', () => {
  const made = claim({ dataSourceRef: foreign });
  persistentVolumeClaim.prepareForCreate?.(made);
  const updated = claim({ dataSource: foreign });
  persistentVolumeClaim.prepareForUpdate?.(updated, made);
  expect(sourcesOf(updated)).toEqual(sourcesOf(made));
});

describe('refused', () => {
  test.each<[string, Sources, string[]]>([
    ['nothing wrong', { dataSource: snapshot, dataSourceRef: snapshot }, []],
    [
      'a kind that is no claim and has no group',
      { dataSourceRef: { kind: 'Pod', name: 'p' } },
      ['spec.dataSourceRef: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup'],
    ],
    [
      'no kind and no name',
      { dataSource: { apiGroup: 'a.b', kind: '', name: '' } },
      ['spec.dataSource.name: Required value', 'spec.dataSource.kind: Required value'],
    ],
    ['two that differ', { dataSource: snapshot, dataSourceRef: other }, ['spec: Invalid value: {}: must match dataSourceRef']],
    [
      'a group that is no domain',
      { dataSource: { ...foreign, apiGroup: 'A' } },
      [
        "spec.dataSource.apiGroup: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
  ])('%s', (_, given, problems) => {
    const found = persistentVolumeClaim.validate?.(claim(given)) ?? [];
    expect(found.map(({ field, message }) => `${field}: ${message}`)).toEqual(problems);
  });
});
