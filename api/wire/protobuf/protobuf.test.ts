// Built-in objects survive the way to protobuf and back.
import { expect, test } from 'vitest';
import { schemaOf } from '../../gen/index.ts';
import { parseApiVersion } from '../../meta/index.ts';
import { checkFields } from '../check.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { decodeEnvelope, encodeProtobuf, hasMagic, openEnvelope } from './envelope.ts';
import { protobufList } from './list.ts';

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
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  const schema = schemaOf({ ...parseApiVersion(apiVersion), kind })!;
  // What Go's encoder adds are zero values, which the decoder drops.
  expect(checkFields(schema, found).object).toEqual(checkFields(schema, object).object);
});

test('what is not set and no pointer is written, as Go does', () => {
  const status = encodeProtobuf({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', code: 406 })!;
  const metadata = '\x0a\x06\x0a\x00\x12\x00\x1a\x00';
  const raw = `${metadata}\x12\x07Failure\x1a\x00\x22\x000\x96\x03`;
  expect(Buffer.from(status).toString('latin1')).toBe(
    `k8s\x00\x0a\x0c\x0a\x02v1\x12\x06Status\x12${String.fromCharCode(raw.length)}${raw}\x1a\x00\x22\x00`,
  );
});

test('a part of any length, with its length before it', () => {
  for (const length of [0, 1, 127, 128, 511, 16_383, 16_384, 70_000]) {
    const writer = new ByteWriter(1);
    writer.part((outer) => outer.part((inner) => inner.raw(new Uint8Array(length).fill(7))));
    const part = new ByteReader(writer.result()).part().part();
    expect([part.rest().length, part.rest().every((byte) => byte === 7)]).toEqual([length, true]);
  }
});

test('texts of every width', () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { a: 'é'.repeat(100), b: '\u{1f600}'.repeat(9000), c: '' } };
  expect(roundTrip(object)).toMatchObject({ data: object.data });
});

test('a list in pieces is the list', () => {
  const items = Array.from({ length: 30 }, (_, i) => ({ metadata: { name: `n${i}` }, data: { a: 'b'.repeat(i * 40) } }));
  const list = { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '7' }, items };
  const form = protobufList(list)!;
  const out = new ByteWriter();
  for (const item of items) form.item(out, item);
  expect(Buffer.concat([form.head(out.length), out.result(), form.tail()])).toEqual(encodeProtobuf(list));
  expect(protobufList({ ...list, apiVersion: 'example.com/v1' })).toBeUndefined();
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
