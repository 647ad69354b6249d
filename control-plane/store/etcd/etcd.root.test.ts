// The contract on a real etcd of its own; skipped by name where the program is not installed.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tryRun } from '../../../kit/exec/index.ts';
import { waitFor } from '../../../kit/run/index.ts';
import { openStore } from '../index.ts';
import { storeContract } from '../store.contract.ts';

const there = !(await tryRun('etcd', ['--version'])).failure;
if (!there) process.stderr.write('skipped: store contract on etcd (no etcd program; Debian: etcd-server)\n');

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.skipIf(!there)('etcd', () => {
  const folder = mkdtempSync(`${tmpdir()}/store-etcd-`);
  let url = '';
  let count = 0;
  let end: () => Promise<unknown> = async () => {};

  let start: () => void = () => {};

  beforeAll(async () => {
    url = `http://127.0.0.1:${await freePort()}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const flags = { 'data-dir': folder, 'listen-client-urls': url, 'advertise-client-urls': url, 'listen-peer-urls': peer };
    const more = { 'initial-advertise-peer-urls': peer, 'initial-cluster': `default=${peer}`, 'log-level': 'error' };
    const args = Object.entries({ ...flags, ...more }).map(([flag, value]) => `--${flag}=${value}`);
    start = () => {
      const etcd = execa('etcd', args, { reject: false });
      end = async () => {
        etcd.kill('SIGKILL');
        await etcd;
      };
    };
    start();
  });
  afterAll(async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  });

  test('kill -9 of etcd: what was acknowledged is there, a watch goes on without a gap', async () => {
    const store = await openStore({ driver: 'etcd', endpoints: [url], prefix: '/restart' });
    const stop = new AbortController();
    const seen: string[] = [];
    const now = await store.revision();
    const watching = (async () => {
      for await (const { changes } of store.watch('/', now, stop.signal)) {
        seen.push(...changes.map((change) => change.key));
        if (seen.includes('/last')) stop.abort();
      }
    })();
    const put = (key: string) => store.commit([{ key, value: new Uint8Array(1), ifRevision: 'any' }]);
    await put('/1');
    await put('/2');
    await end();
    start();
    await waitFor({ what: 'etcd again', timeoutMs: 60_000 }, async () => (await store.list('/')).entries.length === 2);
    await put('/last');
    await watching;
    expect(seen).toEqual(['/1', '/2', '/last']);
    await store.close();
  });

  storeContract('etcd', async () => {
    const config = { driver: 'etcd', endpoints: [url], prefix: `/test-${++count}`, progressMs: 5 } as const;
    return { store: await openStore(config), reopen: () => openStore(config) };
  });

  test('its size is that of its database', async () => {
    const store = await openStore({ driver: 'etcd', endpoints: [url], prefix: `/test-${++count}` });
    expect(await store.size!()).toBeGreaterThan(0);
    await store.close();
  });

  test('an etcd that is not there is an error with a deadline', async () => {
    await expect(openStore({ driver: 'etcd', endpoints: ['127.0.0.1:1'] })).rejects.toThrow(/UNAVAILABLE|No connection/);
  });
});
