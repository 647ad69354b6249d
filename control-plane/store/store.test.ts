// The contract for each driver that needs nothing outside, and what only the embedded one promises.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openStore } from './index.ts';
import { storeContract } from './store.contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'store-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

storeContract('memory', async () => ({ store: await openStore({ driver: 'memory', progressMs: 5 }) }));

storeContract('embedded', async () => {
  const config = { driver: 'embedded', path: join(folder, `${++files}`, 'store.db'), progressMs: 5 } as const;
  return { store: await openStore(config), reopen: () => openStore(config) };
});

test('the size is that of what is on disk', async () => {
  const memory = await openStore({ driver: 'memory' });
  expect(await memory.size?.()).toBeUndefined();
  await memory.close();
  const store = await openStore({ driver: 'embedded', path: join(folder, 'size.db') });
  await store.commit([{ key: '/a', value: Buffer.alloc(100_000), ifRevision: 'absent' }]);
  expect(await store.size!()).toBeGreaterThan(100_000);
  await store.close();
});

test('embedded: a second owner is refused', async () => {
  const path = join(folder, 'twice.db');
  const first = await openStore({ driver: 'embedded', path });
  await expect(openStore({ driver: 'embedded', path })).rejects.toThrow(/is another control plane using it/);
  await first.close();
});

test('embedded: what was there before is read when it is asked for, and kept unless it was only looked at', async () => {
  const path = join(folder, 'peek.db');
  const before = await openStore({ driver: 'embedded', path });
  await before.commit([{ key: '/a', value: new Uint8Array([1, 2]), ifRevision: 'absent' }]);
  await before.close();
  const store = await openStore({ driver: 'embedded', path });
  const { entry } = await store.get('/a');
  const looks = [entry!.peek!(), entry!.peek!()];
  expect(looks).toEqual([new Uint8Array([1, 2]), new Uint8Array([1, 2])]);
  expect(looks[0]).not.toBe(looks[1]);
  const { value } = entry!;
  expect(value).toEqual(looks[0]);
  expect([entry!.value, entry!.peek!()].every((bytes) => bytes === value)).toBe(true);
  await store.close();
});

test('embedded: history beyond memory is read from disk', async () => {
  const store = await openStore({ driver: 'embedded', path: join(folder, 'long.db') });
  const start = await store.revision();
  await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => store.commit([{ key: `/k/${i % 7}`, value: new Uint8Array([i % 256]), ifRevision: 'any' }])),
  );
  const stop = new AbortController();
  let next = 0;
  for await (const { changes } of store.watch('/k/', start, stop.signal)) {
    for (const change of changes) {
      expect([change.value?.[0], change.previous?.[0]]).toEqual([next % 256, next < 7 ? undefined : (next - 7) % 256]);
      next++;
    }
    if (next === 10_000) stop.abort();
  }
  expect(next).toBe(10_000);
  await store.close();
});

test('history is compacted by age, counted over a restart', async () => {
  let nowMs = 1_000_000;
  let looks = 0;
  const clock = { nowMs: () => nowMs + 0 * looks++, sleep: () => Promise.resolve() };
  const options = { driver: 'embedded', path: join(folder, 'age.db'), clock, compactEveryMs: 5, retentionMs: 60_000 } as const;
  const put = (store: Awaited<ReturnType<typeof openStore>>) => store.commit([{ key: '/a', value: new Uint8Array(1), ifRevision: 'any' }]);
  const first = await openStore(options);
  await put(first);
  const old = await put(first);
  const before = looks;
  await expect.poll(() => looks).toBeGreaterThan(before); // a mark is made
  await first.close();
  const second = await openStore(options);
  await put(second);
  expect(await second.oldest()).toBe(0n);
  nowMs += 61_000;
  await expect.poll(() => second.oldest(), { timeout: 2000 }).toBeGreaterThanOrEqual(old);
  await second.close();
});

test('embedded: values of entries are read when they are asked for, also after what replaced them was compacted', async () => {
  const config = { driver: 'embedded', path: join(folder, 'values.db') } as const;
  const bytes = (text: string) => new TextEncoder().encode(text);
  const texts = (entries: readonly { value: Uint8Array }[]) => entries.map(({ value }) => new TextDecoder().decode(value));
  const first = await openStore(config);
  for (const key of ['/a', '/b', '/gone']) await first.commit([{ key, value: bytes(`${key} 1`), ifRevision: 'any' }]);
  await first.commit([{ key: '/gone', ifRevision: 'any' }]);
  await first.commit([{ key: '/gone', value: bytes('again'), ifRevision: 'any' }]);
  await first.close();
  const second = await openStore(config);
  const { entries } = await second.list('/');
  await second.commit([{ key: '/a', value: bytes('/a 2'), ifRevision: entries[0]!.revision }]);
  const last = await second.commit([{ key: '/gone', ifRevision: 'any' }]);
  await second.compact(last);
  expect(texts(entries)).toEqual(['/a 1', '/b 1', 'again']);
  expect(texts((await second.list('/')).entries)).toEqual(['/a 2', '/b 1']);
  await second.close();
});
