import { expect, test } from 'vitest';
import { dedupeOwners } from './owner-references.ts';

const owner = (uid: string, name = 'x') => ({ apiVersion: 'v1', kind: 'Pod', name, uid });
const text = (when: string, uids: string) =>
  `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids}`;

test('owners that are named twice are kept once, others of the same uid stay', () => {
  const object = { metadata: { name: 'o', ownerReferences: [owner('1'), owner('1', 'y'), owner('2'), owner('2'), owner('1')] } };
  const warnings: string[] = [];
  dedupeOwners(object, warnings, 'sent');
  expect(object.metadata.ownerReferences).toEqual([owner('1'), owner('1', 'y'), owner('2')]);
  expect(warnings).toEqual([text('', '2, 1')]);
  dedupeOwners(object, warnings, 'sent');
  expect(warnings).toHaveLength(1);
});

test('the warning says when they were found', () => {
  const warnings: string[] = [];
  dedupeOwners({ metadata: { ownerReferences: [owner('1'), owner('1')] } }, warnings, 'admitted');
  expect(warnings).toEqual([text(' after mutating admission happens', '1')]);
});
