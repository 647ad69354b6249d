// Both clients keep the one contract: in-process, and over TLS against the real listener.

import { clientContract } from '../../kit/client/client.contract.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { startTestServer } from './testing.ts';

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

clientContract('in-process', async () => {
  const world = await startTestServer();
  await world.server.self.create(RESOURCES.namespaces, namespace('contract'));
  return { client: world.server.self, namespace: 'contract', close: () => world.close() };
});

clientContract('over HTTPS', async () => {
  const world = await startTestServer();
  await world.client.create(RESOURCES.namespaces, namespace('contract'));
  return { client: world.client, namespace: 'contract', close: () => world.close() };
});
