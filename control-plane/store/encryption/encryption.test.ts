// Encryption at rest: the drivers' contract holds through it, what lies below is sealed, keys change, wrong keys are told.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../../kit/run/index.ts';
import { openStore } from '../index.ts';
import { storeContract } from '../store.contract.ts';
import type { Store } from '../store.ts';
import { parseEncryption } from './config.ts';
import { follow } from './follow.ts';
import { encryptedStore } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'encryption-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const key = (fill: number, length = 32) => Buffer.alloc(length, fill).toString('base64');
const config = (providers: string, resources = '[secrets]') =>
  parseEncryption(
    `apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{ resources: ${resources}, providers: [${providers}] }]`,
  );
const provider = (name: string, ...keys: [string, string][]) =>
  `{ ${name}: { keys: [${keys.map(([keyName, secret]) => `{ name: ${keyName}, secret: ${secret} }`).join(', ')}] } }`;
const place = '/registry/core/secrets/default/a';
const bytes = (text: string) => new TextEncoder().encode(text);
const put = (store: Store, at: string, text: string) => store.commit([{ key: at, value: bytes(text), ifRevision: 'any' }]);
const read = async (store: Store, at = place) => Buffer.from((await store.get(at)).entry?.value ?? []).toString();

let files = 0;
const everything = config(provider('aesgcm', ['k', key(1)]), "['*.*', '*.']");
storeContract('memory, encrypted', async () => ({
  store: encryptedStore(await openStore({ driver: 'memory', progressMs: 5 }), everything),
}));
storeContract('embedded, encrypted', async () => {
  const path = join(folder, `${++files}`, 'store.db');
  const open = async () => encryptedStore(await openStore({ driver: 'embedded', path, progressMs: 5 }), everything);
  return { store: await open(), reopen: open };
});

test.each([
  ['aescbc', 16],
  ['aescbc', 32],
  ['aesgcm', 24],
  ['secretbox', 32],
])('%s with %i bytes: sealed below, in upstream’s format, plain above', async (name, length) => {
  const path = join(folder, `${name}-${length}.db`);
  const below = await openStore({ driver: 'embedded', path });
  const store = encryptedStore(below, config(provider(name, ['key1', key(7, length)])));
  const stop = new AbortController();
  const start = await store.revision();
  await put(store, place, 'classified');
  await put(store, '/registry/core/configmaps/default/a', 'open to all');
  expect(await read(store)).toBe('classified');
  const { entries } = await store.list('/registry/core/secrets/');
  expect(entries.map(({ value }) => Buffer.from(value).toString())).toEqual(['classified']);
  for await (const { changes } of store.watch('/registry/core/secrets/', start, stop.signal)) {
    expect(Buffer.from(changes[0]!.value!).toString()).toBe('classified');
    stop.abort();
  }
  expect((await read(below)).startsWith(`k8s:enc:${name}:v1:key1:`)).toBe(true);
  expect(await read(below, '/registry/core/configmaps/default/a')).toBe('open to all');
  await store.close();
  expect(readFileSync(path).includes('classified')).toBe(false);
});

test('a new first key writes, the old one still reads and what it wrote is stale; later the old one can go', async () => {
  const below = await openStore({ driver: 'memory' });
  const [old, fresh] = [['old', key(1)] as [string, string], ['new', key(2)] as [string, string]];
  await put(encryptedStore(below, config('{ identity: {} }')), place, 'one');
  const mixed = encryptedStore(below, config(`${provider('aescbc', old)}, { identity: {} }`));
  const first = (await mixed.get(place)).entry!.value;
  expect([Buffer.from(first).toString(), mixed.stale?.(first)]).toEqual(['one', true]);
  await put(mixed, place, 'one');
  const rotated = encryptedStore(below, config(provider('aescbc', fresh, old)));
  const second = (await rotated.get(place)).entry!.value;
  expect([Buffer.from(second).toString(), rotated.stale?.(second)]).toEqual(['one', true]);
  await put(rotated, place, 'one');
  const last = encryptedStore(below, config(provider('aescbc', fresh)));
  const third = (await last.get(place)).entry!.value;
  expect([Buffer.from(third).toString(), last.stale?.(third)]).toEqual(['one', false]);
  await below.close();
});

test.each(['aesgcm', 'secretbox', 'aescbc'])('%s: a wrong key and a missing one are told, with the place', async (name) => {
  const below = await openStore({ driver: 'memory' });
  await put(encryptedStore(below, config(provider(name, ['k', key(1)]))), place, 'classified');
  const seen = await read(encryptedStore(below, config(provider(name, ['k', key(2)])))).catch((error: Error) => error.message);
  // CBC proves nothing: with a wrong key the padding of one value in 256 looks right, and what is read is nonsense.
  if (name === 'aescbc' && !seen.startsWith(place)) expect(seen).not.toBe('classified');
  else expect(seen).toBe(`${place} cannot be read: the key of k8s:enc:${name}:v1:k: does not fit`);
  await expect(read(encryptedStore(below, config(provider(name, ['other', key(1)]))))).rejects.toThrow(`(it has k8s:enc:${name}:v1:k:)`);
  await expect(read(encryptedStore(below, config('{ identity: {} }')))).rejects.toThrow('no provider of the encryption configuration fits');
  await below.close();
});

test('aesgcm binds a value to its place', async () => {
  const below = await openStore({ driver: 'memory' });
  const store = encryptedStore(below, config(provider('aesgcm', ['k', key(1)])));
  await put(store, place, 'classified');
  const { value } = (await below.get(place)).entry!;
  await below.commit([{ key: '/registry/core/secrets/default/b', value, ifRevision: 'absent' }]);
  await expect(read(store, '/registry/core/secrets/default/b')).rejects.toThrow('does not fit');
  await below.close();
});

describe('a bad configuration', () => {
  test.each([
    [() => config(provider('aescbc', ['k', key(1, 20)])), 'resources[0].providers[0].aescbc.keys[0].secret: expected 16, 24, 32 bytes'],
    [() => config(provider('secretbox', ['k', '???'])), 'keys[0].secret: expected base64'],
    [() => config(provider('aesgcm', ['a', key(1)], ['a', key(2)])), '"a" is there twice'],
    [() => config('{ kms: { name: x } }'), 'provider "kms" is not supported'],
    [() => config('{ aescbc: {} }'), 'aescbc.keys: at least one key'],
    [() => config('{ identity: {} }', "['*']"), '"*" is no resource'],
    [() => parseEncryption('kind: Config'), 'expected apiVersion'],
  ])('%#', (make, why) => {
    expect(make).toThrow(why);
  });
});

test('keys rotate while the store is open: what was written or read before is stale then, and readable until its key goes', async () => {
  const below = await openStore({ driver: 'memory' });
  const [old, fresh]: [[string, string], [string, string]] = [
    ['old', key(1)],
    ['fresh', key(2)],
  ];
  const store = encryptedStore(below, config(provider('secretbox', old)));
  const value = async (at = place) => (await store.get(at)).entry!.value;
  const plain = '/registry/core/configmaps/default/a';
  const written = bytes('one');
  await store.commit([{ key: place, value: written, ifRevision: 'any' }]);
  await put(store, plain, 'map');
  const [read1, map] = [await value(), await value(plain)];
  expect([written, read1, map].map((one) => store.stale(one))).toEqual([false, false, false]);
  store.use(config(provider('secretbox', fresh, old), '[secrets, configmaps]'));
  expect([written, read1, map].map((one) => store.stale(one))).toEqual([true, true, true]);
  await put(store, place, 'one');
  expect(store.stale(await value())).toBe(false);
  expect(await read(below)).toMatch(/^k8s:enc:secretbox:v1:fresh:/);
  store.use(config(provider('secretbox', fresh)));
  expect(await read(store)).toBe('one');
  await store.close();
});

test('a changed file is taken over once; one that is wrong is told, one that is missing waits', async () => {
  const path = join(folder, 'followed.yaml');
  writeFileSync(path, 'a');
  const seen: string[] = [];
  const stop = follow(
    path,
    () => {
      const text = readFileSync(path, 'utf8');
      if (text === 'bad') throw new Error('no such key');
      seen.push(text);
    },
    (error) => error && seen.push(error.message),
    1,
  );
  const until = (count: number) => waitFor({ what: `${count} changes`, timeoutMs: 5_000 }, () => seen.length === count);
  writeFileSync(path, 'b');
  await until(1);
  writeFileSync(path, 'bad');
  await until(2);
  rmSync(path);
  writeFileSync(path, 'c');
  await until(3);
  stop();
  expect(seen).toEqual(['b', 'no such key', 'c']);
});
