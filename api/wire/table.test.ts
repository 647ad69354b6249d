// Tables and ages.
import { expect, test } from 'vitest';
import { humanDuration } from '../kinds/index.ts';
import { columnDescriptions, partialObject, tableFor } from './table.ts';

test.each([
  [-1500, '0s'],
  [-2000, '<invalid>'],
  [0, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [192_000, '3m12s'],
  [600_000, '10m'],
  [3 * 3600_000, '3h'],
  [3 * 3600_000 + 60_000, '3h1m'],
  [8 * 3600_000, '8h'],
  [48 * 3600_000, '2d'],
  [49 * 3600_000, '2d1h'],
  [8 * 24 * 3600_000, '8d'],
  [800 * 24 * 3600_000, '2y70d'],
  [8 * 365 * 24 * 3600_000, '8y'],
])('%d ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

const thing = { group: 'example.com', version: 'v1', kind: 'Thing' };

test('a kind without columns shows its name and birth', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'a', resourceVersion: '7', creationTimestamp: '2020-01-01T00:00:00Z' },
    spec: {},
  };
  const table = tableFor(thing, [object], { nowMs: 0 }) as any;
  expect(table.rows).toEqual([{ cells: ['a', '2020-01-01T00:00:00Z'], object: partialObject(object) }]);
  expect(table.columnDefinitions.map((one: any) => one.name)).toEqual(['Name', 'Created At']);
  expect((tableFor(thing, [object], { nowMs: 0, includeObject: 'None' }) as any).rows[0].object).toBeNull();
});

test("columns say what their fields' documentation says, without the list of values, or a few words of our own", () => {
  let opened = 0;
  const describe = columnDescriptions(() => {
    opened++;
    return (definition) =>
      definition === 'io.k8s.api.core.v1.ServiceSpec'
        ? { fields: { type: 'How it is exposed.\n\nPossible enum values:\n - `"X"`' } }
        : undefined;
  });
  const service = { group: '', version: 'v1', kind: 'Service' };
  expect(describe(service, 'Type')).toBe('How it is exposed.');
  expect(describe(service, 'Type')).toBe('How it is exposed.');
  expect(opened).toBe(1);
  expect(describe(service, 'Selector')).toBe('');
  expect(describe({ group: '', version: 'v1', kind: 'Namespace' }, 'Status')).toBe('The status of the namespace');
  expect(describe(thing, 'Other')).toBe('');
});
