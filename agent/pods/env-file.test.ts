import { expect, test } from 'vitest';
import { envFileValue } from './env-file.ts';

test.each([
  ["A='one'\nB='two words'\n# c\n", 'B', 'two words'],
  ["A='one' # why\n\n  B='two'", 'B', 'two'],
  ['A=\'x#y "z" $A \\n=\'', 'A', 'x#y "z" $A \\n='],
  ["A='first\n second # no comment\nlast'\nB='b'", 'A', 'first\n second # no comment\nlast'],
  ["A='first\nlast' # why\nB='b'", 'B', 'b'],
  ["A= 'one'\nB='b'", 'A', ''],
  ["A= 'one'\nB='b'", 'B', 'b'],
  ["A=''", 'A', ''],
  ["A='one'\r\nB='two'\r\n", 'B', 'two'],
  ["A='one'", 'NO', ''],
  ["A='one'\nB=bare", 'A', 'one'],
  ['', 'A', ''],
])('%j: %s is %j', (text, key, value) => expect(envFileValue(text, key)).toBe(value));

test.each(['A=bare', 'A="one"', "A ='one'", "='one'", 'A', "A='one' two", "A='one", "B='b'\nA='one\ntwo", "A='one\ntwo' three"])(
  'not such a file: %j',
  (text) => expect(() => envFileValue(text, 'A')).toThrow('is not of the form'),
);
