import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Authorizer } from '../authz/index.ts';
import { fakeReader } from '../fake-reader.ts';
import type { Attributes } from '../request.ts';
import { checkToken } from './node-restriction-tokens.ts';

const projected = (audience?: string) => ({ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', audience } }] } });
const claimed = (claimName: string) => ({ name: 'd', persistentVolumeClaim: { claimName } });
const driver = (name: string): KubeObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name },
  spec: { tokenRequests: [{ audience: `${name}-audience` }] },
});
const claim = (name: string, volumeName: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'a' },
  spec: { volumeName },
});
const volume = (name: string, of: object): KubeObject => ({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: of });
const others = [
  driver('inline'),
  driver('mounted'),
  claim('data', 'pv-1'),
  claim('p-scratch', 'pv-1'),
  claim('lost', 'pv-9'),
  volume('pv-1', { csi: { driver: 'mounted' } }),
];

function ask(audiences: readonly string[] | undefined, volumes: readonly object[], granted?: string): Promise<void> {
  const metadata = { name: 'p', namespace: 'a', uid: 'u' };
  const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: 'n1', volumes } };
  const authorizer: Authorizer = {
    authorize: ({ verb, resource, name }) => ({
      allowed: verb === 'request-serviceaccounts-token-audience' && resource === granted && name === 'robot',
      reason: '',
    }),
    rulesFor: () => [],
  };
  const attributes = {
    kind: { group: '', kind: 'ServiceAccount', plural: 'serviceaccounts' },
    namespace: 'a',
    name: 'robot',
    user: { name: 'system:node:n1', groups: ['system:nodes'] },
    object: { spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' } } },
  } as unknown as Attributes;
  return checkToken(attributes, 'n1', fakeReader([pod, ...others]), authorizer);
}

describe('the audiences that an agent may ask for', () => {
  test.each<[string, readonly string[] | undefined, readonly object[], string?]>([
    ["the server's own, of a projected volume", undefined, [projected()]],
    ['the one of a projected volume', ['vault'], [{ name: 'e', emptyDir: {} }, projected('vault')]],
    ['that of a driver', ['inline-audience'], [{ name: 'c', csi: { driver: 'inline' } }]],
    ['that of the driver behind a claim', ['mounted-audience'], [claimed('data')]],
    ['that of the driver behind a claim of the pod', ['mounted-audience'], [{ name: 'scratch', ephemeral: { volumeClaimTemplate: {} } }]],
    ['one found beside a claim that is lost', ['vault'], [claimed('none'), projected('vault')]],
    ['one that a role grants', ['registry'], [], 'registry'],
  ])('%s', async (_, audiences, volumes, granted) => {
    await expect(ask(audiences, volumes, granted)).resolves.toBeUndefined();
  });

  const unnamed = (audience: string) =>
    `serviceaccounts "robot" is forbidden: audience "${audience}" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience`;
  test.each<[string, readonly string[] | undefined, readonly object[], string, string?]>([
    ['two', ['a', 'b'], [projected('a')], 'node may only request 0 or 1 audiences'],
    ["the server's own that no volume asks for", [], [projected('vault')], unnamed('')],
    ["somebody else's", ['vault'], [projected()], unnamed('vault')],
    ['one that a role grants for another', ['vault'], [], unnamed('vault'), 'registry'],
    ['behind no claim', ['x'], [claimed('none')], 'error validating audience "x": persistentvolumeclaim "none" not found'],
    ['behind no volume', ['x'], [claimed('lost')], 'error validating audience "x": persistentvolume "pv-9" not found'],
    ['of no driver', ['x'], [{ name: 'c', csi: { driver: 'none' } }], 'csidriver.storage.k8s.io "none" not found'],
  ])('not %s', async (_, audiences, volumes, message, granted) => {
    await expect(ask(audiences, volumes, granted)).rejects.toMatchObject({ code: 403, message: expect.stringContaining(message) });
  });
});
