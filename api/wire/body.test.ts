// Bodies of all formats, and the server's words for wrong ones.
import { expect, test } from 'vitest';
import { decodeObject, type FieldValidation } from './body.ts';
import { encodeProtobuf } from './protobuf/envelope.ts';

const configMap = { group: '', version: 'v1', kind: 'ConfigMap' };
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const bytes = (text: string) => new TextEncoder().encode(text);
const decode = (text: string, type?: string, fieldValidation: FieldValidation = 'Warn') =>
  decodeObject(bytes(text), type, configMap, { fieldValidation });

test('missing kinds are filled in', () => {
  const expected = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
  expect(decode('{}').object).toEqual(expected);
  expect(decode('null').object).toEqual(expected);
  expect(decode('{"kind":"ConfigMap"}', 'application/json; charset=utf-8').object).toEqual(expected);
});

test('yaml is read as YAML 1.1', () => {
  const { object } = decode(
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  n: "1"\n  multi: |\n    x\n---\nkind: Other\n',
    'application/yaml',
  );
  expect(object).toMatchObject({ data: { false: '1', multi: 'x\n' } });
  expect(decode('{"metadata":{"name":"j"}}', 'application/yaml').object.metadata.name).toBe('j');
});

test('protobuf is read', () => {
  const sent = encodeProtobuf({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { replicas: 0, template: { spec: { containers: [{ name: 'c' }] } } },
  })!;
  expect(decodeObject(sent, 'application/vnd.kubernetes.protobuf', deployment).object).toMatchObject({
    metadata: { name: 'd' },
    spec: { replicas: 0, strategy: {} },
  });
});

test.each<[string, string | undefined, string]>([
  [
    '',
    undefined,
    "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  ],
  [
    '{',
    undefined,
    "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({)",
  ],
  [
    '{"apiVersion":1}',
    undefined,
    "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .apiVersion of type string ({",
  ],
  [
    '[]',
    undefined,
    'json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)',
  ],
  [
    'a: [b',
    'application/yaml',
    "the object provided is unrecognized (must be of type ConfigMap): yaml: line 1: did not find expected ',' or ']' (613a205b62)",
  ],
  ['{"apiVersion":"a/b/c"}', undefined, 'unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})'],
  [
    '{"a":1}',
    'application/vnd.kubernetes.protobuf',
    'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({"a":1})',
  ],
  [
    '{"kind":"Nope"}',
    undefined,
    'Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
  [
    '{"kind":"Secret"}',
    undefined,
    'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  ],
  [
    '{"data":[]}',
    undefined,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string',
  ],
  [
    '{}',
    'text/plain',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  ],
])('%s as %s', (text, type, message) => {
  expect(() => decode(text, type)).toThrow(message);
});

test('repeated and unknown fields', () => {
  const text = '{"metadata":{"name":"a","name":"b"},"extra":1,"data":{"k":"1","k":"2"},"extra":2}';
  const problems = ['duplicate field "metadata.name"', 'unknown field "extra"', 'duplicate field "data.k"'];
  expect(decode(text).warnings).toEqual(problems);
  expect(decode(text, undefined, 'Ignore').warnings).toEqual([]);
  expect(decode(text).object.metadata.name).toBe('b');
  expect(() => decode(text, undefined, 'Strict')).toThrow(`strict decoding error: ${problems.join(', ')}`);
  const yaml = 'metadata:\n  name: a\n  name: a\nx: 1\n';
  expect(() => decode(yaml, 'application/yaml', 'Strict')).toThrow(
    'strict decoding error: yaml: unmarshal errors:\n  line 3: key "name" already set in map, unknown field "x"',
  );
});
