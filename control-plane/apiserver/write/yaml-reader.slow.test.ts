import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseYaml } from '../../../api/wire/index.ts';
import { knownYamlReader, yamlReader } from './yaml-reader.ts';

const request = (contentType = 'application/yaml') => ({ headers: { 'content-type': contentType }, signal: new AbortController().signal });
const lines = (count: number) => Array.from({ length: count }, (_, i) => `k${i}: "${'v'.repeat(20)}"`).join('\n');

test('others are served while 2 MB are read', async () => {
  const text = `${'# a line of thirty letters .....\n'.repeat(65_000)}a: 1`;
  let turns = 0;
  let done = false;
  const reading = Promise.resolve(yamlReader(request(), Buffer.from(text))).finally(() => {
    done = true;
  });
  for (; !done; turns++) await setImmediate();
  expect(turns).toBeGreaterThan(100); // 2 when it is read at once
  expect((await reading)(text).value).toEqual({ a: 1 });
});

test('what the thread read is what is read at once, with repeated keys and errors by their lines', async () => {
  for (const text of [`${lines(2000)}\nk7: again`, `${lines(2000)}\na: b: c`, `{${lines(2000).replaceAll('\n', ', ')}}`]) {
    const body = Buffer.from(text);
    const reading = yamlReader(request('application/apply-patch+yaml'), body);
    expect(reading).toBeInstanceOf(Promise);
    const outcome = (read: typeof parseYaml) => {
      try {
        return read(text);
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(outcome(await reading)).toEqual(outcome(parseYaml));
    expect(outcome(knownYamlReader(body))).toEqual(outcome(parseYaml));
  }
});

test('short bodies, JSON under the name of YAML and other types are read at once', () => {
  const json = JSON.stringify(parseYaml(lines(2000)).value);
  expect(yamlReader(request(), Buffer.from('a: 1'))).toBe(parseYaml);
  expect(yamlReader(request('application/apply-patch+yaml'), Buffer.from(json))).toBe(parseYaml);
  expect(yamlReader(request('application/json'), Buffer.from(lines(2000)))).toBe(parseYaml);
});

test('who is gone before is told so, and so is who looks once more', async () => {
  const body = Buffer.from(lines(2000));
  const gone = { ...request(), signal: AbortSignal.abort(new Error('gone')) };
  await expect(yamlReader(gone, body)).rejects.toThrow('gone');
  expect(() => knownYamlReader(body)('')).toThrow('gone');
});
