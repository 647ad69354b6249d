// Empty lists and maps after storage.
import { expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { withoutEmpties } from './empties.ts';

const schema = (group: string, version: string, kind: string) => schemaOf({ group, version, kind })!;
const csiNode = schema('storage.k8s.io', 'v1', 'CSINode');
const pod = schema('', 'v1', 'Pod');
const secret = schema('', 'v1', 'Secret');
const fields = { fieldsV1: { 'f:spec': {} } };

test.each([
  ['always shown', csiNode, { spec: { drivers: [] } }, { spec: { drivers: null } }],
  [
    'always shown, inside a list',
    csiNode,
    { spec: { drivers: [{ name: 'd', topologyKeys: [] }] } },
    { spec: { drivers: [{ name: 'd', topologyKeys: null }] } },
  ],
  ['left out', pod, { metadata: { labels: {}, finalizers: [] } }, { metadata: {} }],
  [
    'left out, inside a list',
    pod,
    { spec: { containers: [{ name: 'c', args: [], resources: {} }] } },
    { spec: { containers: [{ name: 'c', resources: {} }] } },
  ],
  ['structs stay', pod, { spec: { securityContext: {}, volumes: [{ name: 'v', emptyDir: {} }] } }, undefined],
  ['what nobody knows stays', pod, { metadata: { managedFields: [fields] } }, undefined],
  ['empty texts stay', secret, { data: { a: '' } }, undefined],
])('%s', (_, of, object, wanted) => {
  const frozen = JSON.stringify(object);
  const found = withoutEmpties(object, of);
  expect(found).toEqual(wanted ?? object);
  expect(JSON.stringify(object)).toBe(frozen);
  if (wanted === undefined) expect(found).toBe(object);
});
