import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { usersOf } from './user-namespaces.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/wherry-users-`);
});
afterEach(() => rmSync(folder, { recursive: true }));

const first = (uid: string) => usersOf(folder, uid).uids.hostId;

test('each pod has a range of its own, and keeps it; that of a pod that is gone is free', () => {
  expect(usersOf(folder, 'a')).toEqual({ uids: { hostId: 65_536, length: 65_536 }, gids: { hostId: 65_536, length: 65_536 } });
  expect(first('b')).toBe(131_072);
  expect([first('a'), first('b')]).toEqual([65_536, 131_072]);
  rmSync(`${folder}/a`, { recursive: true });
  mkdirSync(`${folder}/without`);
  expect(first('c')).toBe(65_536);
});

test('the record is as kubelet writes it', () => {
  usersOf(folder, 'a');
  const mappings = [{ containerId: 0, hostId: 65_536, length: 65_536 }];
  expect(JSON.parse(readFileSync(`${folder}/a/userns`, 'utf8'))).toEqual({ uidMappings: mappings, gidMappings: mappings });
});

test('a record that says nothing is not passed over: its pod may be running', () => {
  mkdirSync(`${folder}/a`);
  writeFileSync(`${folder}/a/userns`, '{}');
  expect(() => usersOf(folder, 'b')).toThrow('invalid user namespace mappings file of pod a');
});
