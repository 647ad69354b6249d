// What is in use is not gone: attributes classes that a claim names.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isStatusError } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 });
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

test('an attributes class goes when the last claim that names it has gone', { timeout: 30_000 }, async () => {
  const { client } = cluster;
  const classes = RESOURCES.volumeattributesclasses;
  const place = { namespace: 'default' };
  const metadata = { name: 'gold' };
  await client.create(classes, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttributesClass',
    metadata,
    driverName: 'example.com',
    parameters: { iops: '1' },
  } as never);
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      volumeAttributesClassName: 'gold',
      resources: { requests: { storage: '1Gi' } },
    },
  };
  await client.create(RESOURCES.persistentvolumeclaims, claim as never, place);
  await client.delete(classes, 'gold');
  const held = await client.get(classes, 'gold');
  expect(held.metadata).toMatchObject({ finalizers: ['kubernetes.io/vac-protection'], deletionTimestamp: expect.any(String) });
  await client.delete(RESOURCES.persistentvolumeclaims, 'data', place);
  await waitFor({ what: 'the class to go', timeoutMs: 120_000 }, () =>
    client.get(classes, 'gold').then(
      () => false,
      (error: unknown) => isStatusError(error, 'NotFound'),
    ),
  );
});
