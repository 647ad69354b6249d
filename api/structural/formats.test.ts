// Formats of strings, one line a format: what fits and what does not.
import { expect, test } from 'vitest';
import { isKnownFormat, stringFormat } from './formats.ts';

test.each<[format: string, fits: string[], not: string[]]>([
  ['date', ['2020-02-29'], ['2021-02-29', '2020-1-1', '2020-13-01']],
  ['date-time', ['2020-01-01T00:00:00Z', '2020-01-01t00:00:00.123+02:00'], ['2020-01-01', '2020-01-01T24:00:00Z', '2020-01-01T00:00:00']],
  ['duration', ['1h30m', '5s', '2 days', '0', '1.5h'], ['x', '5', '']],
  ['uuid', ['123e4567-E89B-12d3-a456-426614174000', '123e4567e89b12d3a456426614174000'], ['123e4567']],
  ['uuid4', ['123e4567-e89b-42d3-a456-426614174000'], ['123e4567-e89b-12d3-a456-426614174000']],
  ['ipv4', ['1.2.3.4', '01.2.3.4', '::ffff:1.2.3.4'], ['1.2.3', '256.1.1.1', '::1']],
  ['ipv6', ['::1', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'], ['1.2.3.4', ':::1', '1::2::3', '1:2']],
  ['cidr', ['10.0.0.0/8', 'fd00::/64'], ['10.0.0.0', '10.0.0.0/33', 'fd00::/129']],
  ['mac', ['00:00:5e:00:53:01', '0000.5e00.5301', '02-00-5e-10-00-00-00-01'], ['00:00:5e:00:53', '00:00-5e:00:53:01']],
  ['byte', ['aGVsbG8='], ['a', 'aGVsbG8', '']],
  ['hostname', ['a.example.com', 'x', '1a.com'], ['a_b', '-a.com', 'a..b']],
  ['email', ['a@b.com', 'A B <a.b@c>'], ['a', '@b', 'a@']],
  ['uri', ['https://a.b/c?d', '/path', 'urn:x'], ['', 'a', 'https://a b', '%zz']],
  ['hexcolor', ['#fff', 'A0B1C2'], ['#ffff', 'red']],
  ['rgbcolor', ['rgb(255,0,10)', 'rgb( 1, 2 , 3 )'], ['rgb(256,0,0)', '255,0,0']],
  ['ssn', ['123-45-6789', '123456789'], ['12-345-6789']],
  ['isbn', ['0321751043', '978-0321751041'], ['0321751044', 'x']],
  ['isbn10', ['0321751043'], ['9780321751041']],
  ['isbn13', ['978-0321751041'], ['0321751043']],
  ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112', '1']],
  ['bsonobjectid', ['507f1f77bcf86cd799439011'], ['507f1f77']],
  ['password', ['anything'], []],
  ['k8s-short-name', ['a-b'], ['A', 'a.b', 'a'.repeat(64)]],
  ['k8s-long-name', ['a.b-c'], ['a..b', '-a']],
])('%s', (format, fits, not) => {
  for (const text of fits) expect([text, stringFormat(format)!(text)]).toEqual([text, true]);
  for (const text of not) expect([text, stringFormat(format)!(text)]).toEqual([text, false]);
});

test('formats count for types that they are of', () => {
  expect(isKnownFormat('int32', 'integer')).toBe(true);
  expect(isKnownFormat('int32', 'string')).toBe(false);
  expect(isKnownFormat('date', undefined)).toBe(true);
  expect(isKnownFormat('date', 'object')).toBe(false);
  expect(isKnownFormat('constructor', 'string')).toBe(false);
});
