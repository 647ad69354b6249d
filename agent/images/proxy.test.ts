// NO_PROXY and its siblings, by the rules of Go's httpproxy package.
import { expect, test } from 'vitest';
import { proxyFor } from './proxy.ts';

const both = { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://s:2' };

test.each([
  ['https://a.io/v2/', both, 'http://s:2'],
  ['http://a.io/v2/', both, 'http://p:1'],
  ['http://a.io/', { http_proxy: 'p:1' }, 'http://p:1'],
  ['https://a.io/', { HTTP_PROXY: 'http://p:1' }, undefined],
  ['http://localhost:5000/', both, undefined],
  ['http://127.0.0.1:5000/', both, undefined],
  ['http://[::1]:5000/', both, undefined],
])('%s with %j takes %s', (url, env, proxy) => expect(proxyFor(new URL(url), env)).toBe(proxy));

test.each([
  ['*', 'https://a.io/', true],
  ['a.io', 'https://a.io/', true],
  ['A.io', 'https://a.io/', true],
  ['a.io', 'https://b.a.io/', true],
  ['a.io', 'https://ba.io/', false],
  ['.a.io', 'https://a.io/', false],
  ['.a.io', 'https://b.a.io/', true],
  ['*.a.io', 'https://b.a.io/', true],
  ['a.io:443', 'https://a.io/', true],
  ['a.io:5000', 'https://a.io/', false],
  ['10.0.0.0/8', 'https://10.1.2.3/', true],
  ['10.0.0.0/8', 'https://11.1.2.3/', false],
  ['10.0.0.0/8', 'https://a10.io/', false],
  ['10.0.0.0/99', 'https://10.1.2.3/', false],
  ['10.1.2.3:5000', 'https://10.1.2.3:5000/', true],
  ['fd00::/8', 'https://[fd00::1]/', true],
  ['fd00::1', 'https://[fd00::1]/', true],
  ['b.io, ,a.io', 'https://a.io/', true],
  ['', 'https://a.io/', false],
])('NO_PROXY=%s exempts %s: %s', (list, url, exempt) =>
  expect(proxyFor(new URL(url), { ...both, NO_PROXY: list }) === undefined).toBe(exempt),
);

test.each(['socks5://p:1', 'http://'])('a proxy that is none (%s) is told', (proxy) =>
  expect(() => proxyFor(new URL('https://a.io/'), { HTTPS_PROXY: proxy })).toThrow('HTTPS_PROXY must be the URL of an HTTP proxy'),
);
