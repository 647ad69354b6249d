import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { moved, moveLinks } from './proxied-links.ts';

const base = '/api/v1/namespaces/n/services/s/proxy';
const place = { base, own: ['10.0.0.9:80', '10.0.0.9'], server: 'cluster:6443' };

test.each([
  ['/a/b?x=/y#z', `${base}/a/b?x=/y#z`],
  ['/', `${base}/`],
  ['/a/../b/', `${base}/b/`],
  ['http://10.0.0.9/a', `${base}/a`],
  ['http://10.0.0.9:80/a', `${base}/a`],
  ['//10.0.0.9:80/a', `${base}/a`],
  ['https://cluster:6443/a', `https://cluster:6443${base}/a`],
  [`${base}/a`, `${base}/a`],
  ['a/b', 'a/b'],
  ['', ''],
  ['#here', '#here'],
  ['?page=2', '?page=2'],
  ['http://elsewhere/a', 'http://elsewhere/a'],
  ['http://10.0.0.9:81/a', 'http://10.0.0.9:81/a'],
  ['mailto:somebody@example.com', 'mailto:somebody@example.com'],
  ['http://10.0.0.9', 'http://10.0.0.9'],
])('%s', (address, expected) => expect(moved(address, place)).toBe(expected));

const answer = (body: Buffer, headers: Record<string, string>) => ({
  status: 200,
  headers: { 'content-length': `${body.length}`, ...headers },
  // In pieces, so that a tag may lie in two.
  body: Readable.from(Array.from({ length: Math.ceil(body.length / 7) }, (_, i) => body.subarray(7 * i, 7 * i + 7))),
});
const html = (body: Buffer, headers = {}) => moveLinks(answer(body, { 'content-type': 'text/html; charset=utf-8', ...headers }), place);
const bodyOf = (response: { body?: unknown }) => buffer(response.body as Readable);

describe('pages', () => {
  const page =
    '<!DOCTYPE html>\r\n<a class=x HREF=/a>ü “&copy;”</a><img src=\'/i?a&amp;b="c"\' alt="/not"><pre>\n\n<a href="b">' +
    '<script>var a = "<a href=\\"/no\\">";</script><a href="/&mdash;">';
  const changed =
    `<!DOCTYPE html>\r\n<a class=x href="${base}/a">ü “&copy;”</a><img src="${base}/i?a&#38;b=&#34;c&#34;" alt="/not"><pre>\n\n<a href="b">` +
    `<script>var a = "<a href=\\"/no\\">";</script><a href="${base}/&#8212;">`;

  test('links move, all other bytes stay', async () => {
    const response = html(Buffer.from(page));
    expect(response.headers).not.toHaveProperty('content-length');
    expect((await bodyOf(response)).toString()).toBe(changed);
  });

  test('compressed as it came', async () => {
    const response = html(gzipSync(page), { 'content-encoding': 'gzip' });
    expect(gunzipSync(await bodyOf(response)).toString()).toBe(changed);
  });

  test('bytes that are no text stay', async () => {
    const bytes = Buffer.from([0x3c, 0x70, 0x3e, 0xff, 0x80, 0x00, 0x0d, 0x0a, 0x0d, 0xfe]);
    expect(await bodyOf(html(bytes))).toEqual(bytes);
  });

  test('a backend that breaks off is an error of the body', async () => {
    const { body: _, ...head } = answer(Buffer.from(''), { 'content-type': 'text/html' });
    const broken = (async function* () {
      yield Buffer.from('<a href="/a">');
      throw new Error('broken off');
    })();
    await expect(bodyOf(moveLinks({ ...head, body: broken }, place))).rejects.toThrow('broken off');
  });

  test.each([{ 'content-type': 'text/plain' }, { 'content-type': 'text/html', 'content-encoding': 'br' }, {}])(
    '%j is passed on as it is',
    (headers) => {
      const response = answer(Buffer.from(page), headers as Record<string, string>);
      expect(moveLinks(response, place)).toBe(response);
    },
  );
});

test('a redirect moves, its page stays', async () => {
  const response = moveLinks(answer(Buffer.from('<a href="/x">'), { 'content-type': 'text/html', location: 'http://10.0.0.9/x' }), place);
  expect(response.headers).toMatchObject({ location: `${base}/x`, 'content-length': '13' });
  expect((await bodyOf(response)).toString()).toBe('<a href="/x">');
});
