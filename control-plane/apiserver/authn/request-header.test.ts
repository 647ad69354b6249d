import { expect, test } from 'vitest';
import { proxiedUser } from './request-header.ts';

const trust = { authority: 'x-front-proxy-ca', names: ['front-proxy-client'] };
const proxy = { commonName: 'front-proxy-client', organizations: [], issuer: 'x-front-proxy-ca' };
const headers = { 'x-remote-user': 'jane', 'x-remote-uid': '7' };
const rawHeaders = [
  ...['X-Remote-User', 'jane', 'X-Remote-Uid', '7', 'X-Remote-Group', 'cn=dev,dc=org', 'X-Remote-Group', 'ops'],
  ...['X-Remote-Extra-Example.com%2fscope', 'a,b', 'X-Remote-Extra-Example.com%2fscope', 'c'],
];

test('the user that the proxy names', () => {
  expect(proxiedUser({ peer: proxy, headers, rawHeaders }, trust)).toEqual({
    name: 'jane',
    uid: '7',
    groups: ['cn=dev,dc=org', 'ops'],
    extra: { 'example.com/scope': ['a,b', 'c'] },
  });
});

test('headers of anybody else say nothing', () => {
  expect(proxiedUser({ peer: { ...proxy, issuer: 'x-ca' }, headers }, trust)).toBeUndefined();
  expect(proxiedUser({ headers }, trust)).toBeUndefined();
  expect(proxiedUser({ peer: proxy, headers }, undefined)).toBeUndefined();
});

test('a certificate of the proxies’ authority is no identity of its own', () => {
  expect(() => proxiedUser({ peer: proxy, headers: {} }, trust)).toThrow('Unauthorized');
  expect(() => proxiedUser({ peer: { ...proxy, commonName: 'admin', organizations: ['system:masters'] }, headers }, trust)).toThrow(
    'Unauthorized',
  );
});
