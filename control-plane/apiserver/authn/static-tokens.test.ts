import { expect, test } from 'vitest';
import { parseTokenFile, staticTokens } from './static-tokens.ts';

test('lines of token, name, uid and groups', () => {
  const users = parseTokenFile('f', 'a1,jane,1,"dev, ops"\n\n# comment\nb2,bob,,\nc3,"o""k, x",7,one\r\n');
  expect({ ...users }).toEqual({
    a1: { name: 'jane', uid: '1', groups: ['dev', 'ops'] },
    b2: { name: 'bob', groups: [] },
    c3: { name: 'o"k, x', uid: '7', groups: ['one'] },
  });
  const find = staticTokens(users);
  expect(find('a1')?.name).toBe('jane');
  expect(find('toString')).toBeUndefined();
  expect(find('')).toBeUndefined();
});

test.each(['a,b\n', ',b,c\n'])('refused: %j', (text) => {
  expect(() => parseTokenFile('f', text)).toThrow('f: line 1');
});
