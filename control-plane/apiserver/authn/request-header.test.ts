import { expect, test } from 'vitest';
import { proxiedUser } from './request-header.ts';

const trust = { authority: 'x-front-proxy-ca', names: ['front-proxy-client'] };
const proxy = { commonName: 'front-proxy-client', organizations: [], issuer: 'x-front-proxy-ca' };
const headers = {
  'x-remote-user': 'jane',
  'x-remote-uid': '7',
  'x-remote-group': 'dev, ops',
  'x-remote-extra-example.com%2fscope': 'a,b',
};

test('the user that the proxy names', () => {
  expect(proxiedUser({ peer: proxy, headers }, trust)).toEqual({
    name: 'jane',
    uid: '7',
    groups: ['dev', 'ops'],
    extra: { 'example.com/scope': ['a', 'b'] },
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
