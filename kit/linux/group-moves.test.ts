import { expect, test } from 'vitest';
import { groupsOf } from './group-moves.ts';

test.each<[string, [string, string][]]>([
  ['0::/system.slice/agent.service\n', [['', '/system.slice/agent.service']]],
  [
    '9:name=systemd:/wherry/a\n4:memory:/with:colon\n0::/\n',
    [
      ['systemd', '/wherry/a'],
      ['memory', '/with:colon'],
      ['', '/'],
    ],
  ],
  ['', []],
])('%j', (text, expected) => expect(groupsOf(text)).toEqual(expected));
