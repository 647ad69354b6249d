// What the generated facts answer.
import { expect, test } from 'vitest';
import { definitionName, gvks, resolve, schemaOf } from './index.ts';

test('a kind has a schema with patch keys', () => {
  const schema = schemaOf({ group: '', version: 'v1', kind: 'Service' });
  const spec = schema!.resolve(schema!.root.fields['spec']!.ref!);
  expect(spec.fields['ports']).toMatchObject({ listType: 'map', listMapKeys: ['port', 'protocol'], patchStrategy: 'merge', patchMergeKey: 'port' });
  expect(resolve('io.k8s.api.core.v1.ServicePort').fields['protocol']!.default).toBe('TCP');
  expect(definitionName({ group: 'apps', version: 'v1', kind: 'DeleteOptions' })).toBe('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions');
  expect(schemaOf({ group: 'apps', version: 'v1', kind: 'Nope' })).toBeUndefined();
});

test('every ref resolves', () => {
  for (const gvk of gvks()) {
    const schema = schemaOf(gvk)!;
    for (const field of Object.values(schema.root.fields)) if (field.type === 'ref') expect(schema.resolve(field.ref!)).toBeDefined();
  }
});
