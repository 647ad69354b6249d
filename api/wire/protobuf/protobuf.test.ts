// Built-in objects survive the way to protobuf and back.
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.ts';
import { durationNanos, durationText } from './duration.ts';
import { decodeEnvelope, encodeProtobuf, hasMagic, openEnvelope } from './envelope.ts';

const roundTrip = (object: Record<string, unknown>) => decodeEnvelope(openEnvelope(encodeProtobuf(object)!));

test.each([
  [
    'a pod with embedded structs, quantities, ports',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', labels: { b: 'c', d: '' }, creationTimestamp: '2020-01-02T03:04:05Z', generation: 3 },
      spec: {
        containers: [
          {
            name: 'c',
            command: ['sh', '-c', ''],
            resources: { limits: { cpu: '500m' } },
            livenessProbe: { httpGet: { port: 'http', path: '/' }, periodSeconds: 5 },
            readinessProbe: { tcpSocket: { port: 80 } },
          },
        ],
        volumes: [{ name: 'v', configMap: { name: 'm', defaultMode: 420, items: [{ key: 'k', path: 'p' }] } }],
        terminationGracePeriodSeconds: -1,
      },
    },
  ],
  ['bytes', { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { a: 'AAEC/w==', b: '' }, immutable: true }],
  [
    'a microsecond',
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {},
      spec: { renewTime: '2020-01-02T03:04:05.000006Z', leaseTransitions: 0 },
    },
  ],
  [
    'boxed lists',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { user: 'u', extra: { k: ['a', 'b'] } },
      status: { allowed: false },
    },
  ],
  [
    'managed fields',
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { managedFields: [{ manager: 'm', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { '.': {} } } }] },
    },
  ],
  [
    "a CRD's schema",
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'a.b' },
      spec: {
        group: 'b',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  n: { type: 'number', maximum: 1.5, default: 1 },
                  l: { type: 'array', items: { type: 'string' } },
                  m: { type: 'object', additionalProperties: { type: 'string' } },
                  f: { type: 'object', additionalProperties: false },
                },
              },
            },
          },
        ],
      },
    },
  ],
  [
    'options',
    { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Foreground', preconditions: { uid: 'u' }, gracePeriodSeconds: 0 },
  ],
])('%s', (_, object) => {
  const found = roundTrip(object) as Record<string, any>;
  expect(found).toMatchObject(object);
});

test('unknown kinds have no message', () => {
  expect(encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Thing' })).toBeUndefined();
  expect(hasMagic(new TextEncoder().encode('{"a":1}'))).toBe(false);
});

test.each([0, 1, 127, 128, 300, 2 ** 31, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER, -1, -(2 ** 40)])('varint %d', (value) => {
  const writer = new ByteWriter();
  writer.varint(value);
  expect(new ByteReader(writer.result()).varint()).toBe(value);
});

test('cut messages are refused', () => {
  const bytes = encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'long-enough' } })!;
  expect(() => decodeEnvelope(openEnvelope(bytes.subarray(0, 30)))).toThrow('unexpected EOF');
});

test.each([
  ['1h0m0s', 3600e9],
  ['1m30s', 90e9],
  ['1.5s', 1.5e9],
  ['250ms', 250e6],
  ['0s', 0],
  ['-5s', -5e9],
])('duration %s', (text, nanos) => {
  expect(durationNanos(text)).toBe(nanos);
  expect(durationText(nanos)).toBe(text);
});
