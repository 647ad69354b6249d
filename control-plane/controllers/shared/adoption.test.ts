import { expect, test } from 'vitest';
import { controllerReference, type KubeObject, selectorFrom } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';
import { claim } from './adoption.ts';

const owner: KubeObject = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'n', uid: '1' } };
const pod = (name: string, labels: Record<string, string>, ...owners: object[]): KubeObject =>
  ({ metadata: { name, namespace: 'n', uid: name, labels, ownerReferences: owners } }) as KubeObject;

test.each([undefined, 'held'])('what matches is adopted, what does not is released (finalizer: %s)', async (finalizer) => {
  const patches = new Map<string, unknown>();
  const client = {
    get: async () => owner,
    patch: async (_: unknown, name: string, __: unknown, patch: { metadata: object }) => {
      patches.set(name, patch.metadata);
      return { metadata: { name } };
    },
  };
  const candidates = [
    pod('orphan', { a: 'b' }),
    pod('other', {}),
    pod('own', { a: 'b' }, controllerReference(owner)),
    pod('strayed', {}, controllerReference(owner)),
    pod('foreign', { a: 'b' }, { ...controllerReference(owner), uid: '2' }),
  ];
  const owned = await claim({
    client: client as unknown as Client,
    resource: RESOURCES.pods,
    owner,
    ownerResource: RESOURCES.jobs,
    selector: selectorFrom({ matchLabels: { a: 'b' } }),
    candidates,
    ...(finalizer === undefined ? {} : { finalizer }),
  });
  expect(owned.map(({ metadata }) => metadata.name)).toEqual(['own', 'orphan']);
  expect(Object.fromEntries(patches)).toEqual({
    orphan: { uid: 'orphan', ownerReferences: [controllerReference(owner)], ...(finalizer && { finalizers: ['held'] }) },
    strayed: {
      uid: 'strayed',
      ownerReferences: [{ $patch: 'delete', uid: '1' }],
      ...(finalizer && { '$deleteFromPrimitiveList/finalizers': ['held'] }),
    },
  });
});
