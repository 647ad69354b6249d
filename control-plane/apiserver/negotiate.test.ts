// What Accept headers ask for.
import { expect, test } from 'vitest';
import { negotiate } from './negotiate.ts';

test.each([
  [undefined, { format: 'json' }],
  ['*/*', { format: 'json' }],
  ['application/yaml', { format: 'yaml' }],
  ['application/yaml;q=0.1, application/json;q=0.9', { format: 'json' }],
  ['application/vnd.kubernetes.protobuf', { format: 'protobuf' }],
  ['application/vnd.kubernetes.protobuf,application/json', { format: 'json' }],
  [
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    { format: 'protobuf', as: 'PartialObjectMetadata' },
  ],
  ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', { format: 'json', as: 'Table', version: 'v1' }],
  ['application/json;as=Nope;v=v1;g=meta.k8s.io,application/json', { format: 'json' }],
  ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json', { discovery: 'v2' }],
  ['application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json', { format: 'json' }],
])('%s', (accept, wanted) => {
  expect(negotiate(accept)).toMatchObject(wanted);
});

test.each(['text/plain', 'application/*', 'application/json;as=Table;v=v2;g=meta.k8s.io'])('%s is refused', (accept) => {
  expect(() => negotiate(accept)).toThrow(expect.objectContaining({ code: 406 }));
});
