import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { fieldText, resourceText } from './downward.ts';

const place = { podIPs: ['10.1.0.2', 'fd00::2'], hostIP: '192.0.2.1', allocatable: { cpu: '2', memory: '1Gi' } };
const pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { b: '2', a: '1' }, annotations: { k: 'two\nlines' } },
  spec: { nodeName: 'node', serviceAccountName: 'sa', containers: [] },
} as Pod;

test.each([
  ['metadata.name', 'p'],
  ['metadata.labels', 'a="1"\nb="2"'],
  ["metadata.labels['b']", '2'],
  ["metadata.annotations['none']", ''],
  ['metadata.annotations', 'k="two\\nlines"'],
  ['status.podIP', '10.1.0.2'],
  ['status.podIPs', '10.1.0.2,fd00::2'],
  ['spec.serviceAccountName', 'sa'],
])('%s', (path, text) => expect(fieldText(pod, path, place)).toBe(text));

test.each([
  ['limits.cpu', undefined, '1'],
  ['limits.cpu', '1m', '500'],
  ['limits.memory', '1Mi', '1024'],
  ['requests.cpu', '1m', '250'],
  ['requests.memory', undefined, '0'],
])('%s over %s', (resource, divisor, text) => {
  const container = { name: 'c', resources: { limits: { cpu: '500m' }, requests: { cpu: '250m' } } };
  expect(resourceText(pod, container, { resource, ...(divisor ? { divisor } : {}) }, place)).toBe(text);
});

test.each([
  ['limits.cpu', { limits: { cpu: '1250m', memory: '64Mi' } }, '2'],
  ['limits.memory', { limits: { cpu: '1250m', memory: '64Mi' } }, '67108864'],
  ['limits.memory', { limits: { cpu: '1250m', memory: '0' } }, '1073741824'],
  ['limits.memory', { requests: { memory: '64Mi' } }, '1073741824'],
  ['limits.hugepages-2Mi', { limits: { 'hugepages-2Mi': '4Mi' } }, '0'],
  ['requests.memory', { requests: { memory: '64Mi' } }, '0'],
])('%s of a container without, in a pod of %j', (resource, resources, text) => {
  const sized = { ...pod, spec: { ...pod.spec!, resources } };
  expect(resourceText(sized, { name: 'c' }, { resource }, place)).toBe(text);
});
