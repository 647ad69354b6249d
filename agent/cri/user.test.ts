// Users and groups, as a table.
import { describe, expect, test } from 'vitest';
import { resolveUser, UnknownUser } from './user.ts';

const passwd = '# comment\nroot:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/srv:/bin/sh\n';
const group = 'root:x:0:\nweb:x:1001:\nextra:x:2000:web,other\nlogs:x:3000:other\n';
const as = (uid: number, gid: number, others: number[] = []) => ({ uid, gid, supplementalGroups: [gid, ...others] });

describe('resolveUser', () => {
  test.each([
    [{ imageUser: '' }, as(0, 0)],
    [{ imageUser: 'web' }, as(1000, 1001, [2000])],
    [{ imageUser: '1000' }, as(1000, 1001, [2000])],
    [{ imageUser: '4242' }, as(4242, 0)],
    [{ imageUser: 'web:logs' }, as(1000, 3000, [2000])],
    [{ imageUser: '7:8' }, as(7, 8)],
    [{ imageUser: 'web', runAsUser: 0 }, as(0, 0)],
    [{ imageUser: 'web:logs', runAsUser: 5 }, as(5, 0)],
    [{ imageUser: 'web', runAsGroup: 9, supplementalGroups: [2000, 11] }, as(1000, 9, [2000, 11])],
    [{ imageUser: '', runAsUsername: 'web', supplementalGroups: [1001] }, as(1000, 1001, [2000])],
  ])('%j', (wish, expected) => expect(resolveUser(wish, passwd, group)).toEqual(expected));

  test.each([{ imageUser: 'nobody' }, { imageUser: 'web:nosuch' }])('%j is refused', (wish) =>
    expect(() => resolveUser(wish, passwd, group)).toThrow(UnknownUser),
  );
  test('an image without the files knows numbers only', () => expect(resolveUser({ imageUser: '12' }, '', '')).toEqual(as(12, 0)));
});
