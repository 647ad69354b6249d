// Tokens of a file: lines of token, user name, uid and optionally groups, as kube-apiserver's --token-auth-file has them.
import { createHash } from 'node:crypto';
import type { UserInfo } from '../request.ts';

/** Fields of one line of CSV; quotes may hold commas and doubled quotes. */
function fieldsOf(line: string): string[] {
  const fields: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push(quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'));
  return fields;
}

/** @throws Error for a line with fewer than three fields */
export function parseTokenFile(source: string, text: string): Readonly<Record<string, UserInfo>> {
  const users: Record<string, UserInfo> = Object.create(null) as Record<string, UserInfo>;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [token = '', name, uid, groups] = fieldsOf(line);
    if (name === undefined || uid === undefined)
      throw new Error(`${source}: line ${i + 1} has fewer than 3 columns (token, user name, user uid)`);
    if (token === '') throw new Error(`${source}: line ${i + 1} has an empty token`);
    users[token] = {
      name,
      ...(uid ? { uid } : {}),
      groups: groups
        ? groups
            .split(',')
            .map((group) => group.trim())
            .filter((group) => group !== '')
        : [],
    };
  }
  return users;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64');

/** Looks a token up by its hash, so that the time of the look-up says nothing about tokens that there are. */
export function staticTokens(users: Readonly<Record<string, UserInfo>>): (token: string) => UserInfo | undefined {
  const byHash = new Map(Object.entries(users).map(([token, user]) => [digest(token), user]));
  return byHash.size === 0 ? () => undefined : (token) => byHash.get(digest(token));
}
