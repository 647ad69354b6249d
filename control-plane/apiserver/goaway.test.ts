import { once } from 'node:events';
import { connect } from 'node:http2';
import { expect, test } from 'vitest';
import { RESOURCES } from '../../kit/client/index.ts';
import { startTestServer } from './testing.ts';

test('a connection that is told to go away finishes what it has begun', async () => {
  const world = await startTestServer({ goawayChance: 1 });
  const session = connect(world.url, { ca: world.ca });
  try {
    const goaway = once(session, 'goaway');
    const watch = session.request({ ':path': '/api/v1/configmaps?watch=1' });
    const [headers] = await once(watch, 'response');
    expect(headers[':status']).toBe(200);
    expect((await goaway)[0]).toBe(0); // NO_ERROR
    await world.server.self.create(RESOURCES.configmaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'default' },
    });
    for await (const chunk of watch) {
      expect(JSON.parse(String(chunk))).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
      break;
    }
    // Who comes again is served again.
    for (let i = 0; i < 3; i++) expect((await world.client.request('GET', '/version')).status).toBe(200);
  } finally {
    session.destroy();
    await world.close();
  }
});
