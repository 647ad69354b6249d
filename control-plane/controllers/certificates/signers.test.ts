import { expect, test } from 'vitest';
import { refusal, selfApproval } from './signers.ts';

const request = (more: object = {}) => ({
  commonName: 'system:node:n',
  organizations: ['system:nodes'],
  dnsNames: [],
  ips: [],
  emails: [],
  uris: [],
  spki: Buffer.alloc(0),
  ...more,
});
const client = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], username: 'jane' };
const nodeClient = {
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
  usages: ['digital signature', 'client auth'],
  username: 'system:node:n',
};
const serving = { signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'], username: 'system:node:n' };

test.each([
  ['a client', client, request({ commonName: 'jane', organizations: ['dev'] }), undefined],
  [
    'a client that wants to serve',
    { ...client, usages: ['client auth', 'server auth'] },
    request(),
    'usage "server auth" is not allowed by this signer',
  ],
  ['a client without its usage', { ...client, usages: ['digital signature'] }, request(), 'usages did not include [client auth]'],
  ['a node', nodeClient, request(), undefined],
  ['a node of another group', nodeClient, request({ organizations: ['system:masters'] }), 'subject organization is not system:nodes'],
  ['no node', nodeClient, request({ commonName: 'jane' }), 'subject common name does not begin with system:node:'],
  ['a node client with names', nodeClient, request({ dnsNames: ['n'] }), 'DNS and IP subjectAltNames are not allowed'],
  ['a serving node', serving, request({ ips: ['1.2.3.4'] }), undefined],
  ['a serving node without names', serving, request(), 'at least one DNS or IP subjectAltName is required'],
  ['somebody for a node', { ...serving, username: 'jane' }, request({ dnsNames: ['n'] }), 'requestor jane is not the node system:node:n'],
])('%s', (_, asked, csr, why) => {
  expect(refusal(asked, csr)).toBe(why);
});

test.each([
  ['a node renews its own', nodeClient, 'selfnodeclient'],
  ['a bootstrap token asks', { ...nodeClient, username: 'system:bootstrap:abcdef' }, 'nodeclient'],
  ['serving certificates wait for a person', serving, undefined],
  ['clients wait for a person', client, undefined],
])('approval: %s', (_, asked, right) => {
  expect(selfApproval(asked, request())).toBe(right);
});

const names = request({ dnsNames: ['n'], ips: ['10.0.0.1'] });
test.each([
  ['all its own', serving, names, ['n', '10.0.0.1'], 'selfnodeserver'],
  ['one of another', serving, names, ['n'], undefined],
  ['somebody else for the node', { ...serving, username: 'jane' }, names, ['n', '10.0.0.1'], undefined],
])('a serving certificate of names that the node is known by: %s', (_, asked, csr, known, right) => {
  expect(selfApproval(asked, csr, new Set(known))).toBe(right);
});
