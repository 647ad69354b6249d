// Bodies become what Go would hold; errors are in Go's words.
import { expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { checkFields } from './check.ts';
import { parseJson } from './json.ts';

const pod = schemaOf({ group: '', version: 'v1', kind: 'Pod' })!;
const service = schemaOf({ group: '', version: 'v1', kind: 'Service' })!;
const secret = schemaOf({ group: '', version: 'v1', kind: 'Secret' })!;

const check = (schema: typeof pod, text: string) => {
  const { value, findings } = parseJson(text);
  const kind = schema === pod ? 'Pod' : schema === service ? 'Service' : 'Secret';
  return checkFields(schema, value as Record<string, unknown>, { kind, ...(findings ? { numbers: findings.numbers } : {}) });
};

test('absent and empty values are as in Go', () => {
  expect(
    check(pod, '{"metadata":{"name":"a","labels":{},"annotations":null},"spec":{"containers":[{"name":"c","args":[],"tty":false}]}}'),
  ).toEqual({
    object: { metadata: { name: 'a' }, spec: { containers: [{ name: 'c', resources: {} }] }, status: {} },
    unknown: [],
  });
  expect(check(pod, '{"spec":{"terminationGracePeriodSeconds":0,"hostNetwork":false}}').object['spec']).toEqual({
    containers: null,
    terminationGracePeriodSeconds: 0,
  });
});

test('unknown fields are dropped and named', () => {
  const { unknown, object } = check(pod, '{"nope":1,"metadata":{"Name":"x"},"spec":{"containers":[{"name":"c","x":{"y":1}}]}}');
  expect(unknown).toEqual(['nope', 'metadata.Name', 'spec.containers[0].x']);
  expect(object['nope']).toBeUndefined();
});

test('quantities and times are canonical', () => {
  const { object } = check(
    pod,
    '{"metadata":{"creationTimestamp":"2020-01-01T02:00:00.5+02:00"},"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":0.5,"memory":"1024Mi"}}}]}}',
  );
  expect(object).toMatchObject({
    metadata: { creationTimestamp: '2020-01-01T00:00:00Z' },
    spec: { containers: [{ resources: { limits: { cpu: '500m', memory: '1Gi' } } }] },
  });
});

test.each([
  [pod, '{"spec":"x"}', 'json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec'],
  [pod, '{"spec":{"containers":{}}}', 'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container'],
  [pod, '{"spec":{"containers":[5]}}', 'json: cannot unmarshal number into Go struct field PodSpec.spec.containers of type v1.Container'],
  [
    pod,
    '{"spec":{"containers":[{"name":1}]}}',
    'json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
  ],
  [
    pod,
    '{"spec":{"priority":3000000000}}',
    'json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32',
  ],
  [pod, '{"spec":{"priority":1.0}}', 'json: cannot unmarshal number 1.0 into Go struct field PodSpec.spec.priority of type int32'],
  [pod, '{"metadata":{"labels":{"a":1}}}', 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string'],
  [
    pod,
    '{"metadata":{"labels":[]}}',
    'json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
  ],
  [
    pod,
    '{"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":{}}}}]}}',
    'json: cannot unmarshal object into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32',
  ],
  [
    service,
    '{"spec":{"ports":[{"targetPort":1.5}]}}',
    'json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.targetPort of type int32',
  ],
  [
    pod,
    '{"metadata":{"creationTimestamp":"yesterday"}}',
    'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
  ],
  [
    pod,
    '{"metadata":{"creationTimestamp":"2020-01-01"}}',
    'parsing time "2020-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"',
  ],
  [secret, '{"data":{"a":"abc"}}', 'illegal base64 data at input byte 0'],
  [secret, '{"data":{"a":"not base64"}}', 'illegal base64 data at input byte 3'],
  [secret, '{"data":{"a":"YQ=x"}}', 'illegal base64 data at input byte 3'],
  [secret, '{"data":{"a":"!bcd"}}', 'illegal base64 data at input byte 0'],
])('%# %s', (schema, text, message) => {
  expect(() => check(schema, text)).toThrow(message);
});
