import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { silentLogger, waitFor } from '../../kit/run/index.ts';
import { HealthServers } from './health-servers.ts';

/** A loopback address of its own: nobody else listens there. */
const ADDRESS = '127.83.21.7';
const PORT = 30_100;
const state = { healthy: true };
const servers = new HealthServers(
  { mode: 'iptables', health: () => ({ healthy: state.healthy, updatedMs: 0 }), nowMs: () => 1_000, log: silentLogger },
  ADDRESS,
);
afterEach(() => {
  servers.keep([]);
  state.healthy = true;
});

const ask = async () => {
  const response = await fetch(`http://${ADDRESS}:${PORT}/`, { headers: { connection: 'close' } });
  return { status: response.status, weight: response.headers.get('x-load-balancing-endpoint-weight'), body: await response.json() };
};
const listening = (yes: boolean) =>
  waitFor({ what: `listening: ${yes}`, timeoutMs: 10_000 }, () =>
    ask().then(
      () => yes,
      () => !yes,
    ),
  );
const check = (endpoints: number) => ({ namespace: 'n', name: 's', port: PORT, endpoints });

test('a node port tells whether its Service has endpoints here, as long as it is wanted', async () => {
  servers.keep([check(2)]);
  await listening(true);
  const body = { service: { namespace: 'n', name: 's' }, localEndpoints: 2, serviceProxyHealthy: true };
  expect(await ask()).toEqual({ status: 200, weight: '2', body });
  servers.keep([check(0)]);
  expect(await ask()).toEqual({ status: 503, weight: '0', body: { ...body, localEndpoints: 0 } });
  servers.keep([check(2)]);
  state.healthy = false;
  expect(await ask()).toEqual({ status: 503, weight: '2', body: { ...body, serviceProxyHealthy: false } });
  servers.keep([]);
  await listening(false);
});

test('a port that somebody else has is left to them, and taken when they are gone', async () => {
  const other = createServer((socket) => socket.destroy()).listen(PORT, ADDRESS);
  await once(other, 'listening');
  servers.keep([check(1)]);
  await expect(ask()).rejects.toThrow();
  other.close();
  await once(other, 'close');
  await waitFor({ what: 'the port is served', timeoutMs: 10_000 }, () => {
    servers.keep([check(1)]);
    return ask().then(
      ({ status }) => status === 200,
      () => false,
    );
  });
});
