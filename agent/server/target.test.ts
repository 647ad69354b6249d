import { expect, test } from 'vitest';
import { targetOf } from './target.ts';

test.each([
  ['/', []],
  ['/pods/', ['pods']],
  ['//exec//ns/p/c?command=a&command=b%20c', ['exec', 'ns', 'p', 'c']],
  ['/%70ods', ['pods']],
  ['/logs/a%2Fb', ['logs', 'a/b']],
  ['/metrics?x=/../y', ['metrics']],
  ['https://another/exec', ['https:', 'another', 'exec']],
])('%s is %j', (url, parts) => expect(targetOf(url).parts).toEqual(parts));

test('a query keeps what is given twice', () =>
  expect(targetOf('/exec?command=a&command=b%20c').query.getAll('command')).toEqual(['a', 'b c']));

test.each(['/metrics/../exec/ns/p/c', '/metrics/%2e%2E/exec/ns/p/c', '/./exec', '/metrics/..'])('%s is refused: it leads back up', (url) =>
  expect(() => targetOf(url)).toThrow('404'),
);

test('what is no text is refused', () => expect(() => targetOf('/%ff')).toThrow('the path is not percent-encoded text'));
