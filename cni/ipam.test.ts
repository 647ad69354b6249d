// The address pool on a folder of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AddressPool } from './ipam.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/wherry-ipam-`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const open = (subnet = '10.1.2.0/29') => new AddressPool(folder, subnet, ['10.1.2.1']);

test('gives each owner one address, without the gateway, network and broadcast address', () => {
  const pool = open();
  expect(['a', 'b', 'c', 'd', 'e'].map((owner) => pool.reserve(owner))).toEqual([
    '10.1.2.2',
    '10.1.2.3',
    '10.1.2.4',
    '10.1.2.5',
    '10.1.2.6',
  ]);
  expect(pool.reserve('c')).toBe('10.1.2.4');
  expect(() => pool.reserve('f')).toThrow('no IP addresses available in range set: 10.1.2.0/29');
});

test('a freed address comes last again, also after a restart', () => {
  const pool = open();
  pool.reserve('a');
  pool.reserve('b');
  pool.release('a');
  pool.release('a');
  expect(open().reserve('c')).toBe('10.1.2.4');
});

test('files that a power failure has left without their content hold nothing', () => {
  for (const owner of ['a', 'b', 'c']) open().reserve(owner);
  for (const address of ['10.1.2.2', '10.1.2.3']) writeFileSync(`${folder}/${address}`, '');
  const again = open();
  expect(again.owners()).toEqual(['c']);
  expect(['d', 'e', 'f', 'g'].map((owner) => again.reserve(owner))).toEqual(['10.1.2.5', '10.1.2.6', '10.1.2.2', '10.1.2.3']);
});

test('knows its owners after a crash, and survives a cut-off file', () => {
  open().reserve('a');
  writeFileSync(`${folder}/last-reserved`, '10.1');
  writeFileSync(`${folder}/.tmp-1-0`, 'x');
  const again = open();
  expect(again.owners()).toEqual(['a']);
  expect(again.reserve('a')).toBe('10.1.2.2');
  expect(again.reserve('b')).toBe('10.1.2.3');
});

test('two pools on one folder never give the same address', () => {
  const one = open('10.1.2.0/24');
  const two = open('10.1.2.0/24');
  one.owners();
  two.owners();
  const given = Array.from({ length: 100 }, (_, n) => (n % 2 ? one : two).reserve(`${n}`));
  expect(new Set(given).size).toBe(100);
});
