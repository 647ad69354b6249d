import { expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { containerOf, logQuery, portQuery, proxyName, streamQuery } from './pod-target.ts';

const pod = (containers: string, init = '', annotations: Record<string, string> = {}): KubeObject => {
  const list = (names: string) =>
    names
      .split(' ')
      .filter(Boolean)
      .map((name) => ({ name }));
  return {
    metadata: { name: 'p', annotations },
    spec: { containers: list(containers), initContainers: list(init), ephemeralContainers: list('debug') },
  };
};

test.each<[string, KubeObject, string, string]>([
  ['the only one', pod('a', 'i'), '', 'a'],
  ['a named one', pod('a b'), 'b', 'b'],
  ['an init container', pod('a', 'i'), 'i', 'i'],
  ['an ephemeral container', pod('a'), 'debug', 'debug'],
  ['the preferred one', pod('a b', '', { 'kubectl.kubernetes.io/default-container': 'b' }), '', 'b'],
  ['a preferred one that is not there', pod('a', '', { 'kubectl.kubernetes.io/default-container': 'z' }), '', 'a'],
])('container: %s', (_, object, asked, chosen) => {
  expect(containerOf(object, asked)).toBe(chosen);
});

test.each<[KubeObject, string, string]>([
  [pod('a b'), '', 'a container name must be specified for pod p, choose one of: [a b]'],
  [pod('a b', 'i'), '', 'a container name must be specified for pod p, choose one of: [i a b]'],
  [pod('a'), 'c', 'container c is not valid for pod p'],
])('container refused', (object, asked, message) => {
  expect(() => containerOf(object, asked)).toThrow(message);
});

test.each([
  [
    'stdin=true&stdout=1&stderr=false&tty=0&command=sh&command=-c&command=a+b&container=c',
    'input=1&output=1&command=sh&command=-c&command=a+b',
  ],
  ['stdout=true&stderr=true&command=ls', 'output=1&error=1&command=ls'],
  ['', ''],
])('session %s -> %s', (asked, given) => {
  expect(String(streamQuery(new URLSearchParams(asked), true))).toBe(given);
});

test.each([
  ['follow=true&tailLines=5&container=c', 'follow=true&tailLines=5'],
  ['follow=maybe&previous=false&timestamps=1', 'follow=true&timestamps=true'],
  ['sinceTime=2020-01-01T00:00:00Z&limitBytes=1', 'limitBytes=1&sinceTime=2020-01-01T00%3A00%3A00Z'],
])('logs %s -> %s', (asked, given) => {
  expect(String(logQuery(new URLSearchParams(asked), 'p'))).toBe(given);
});

test.each([
  ['tailLines=-1', 422, 'PodLogOptions "p" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
  ['limitBytes=0', 422, 'PodLogOptions "p" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
  ['sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z', 422, 'at most one of `sinceTime` or `sinceSeconds` may be specified'],
  ['tailLines=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['sinceTime=x', 400, 'parsing time "x"'],
])('logs refused: %s', (asked, code, message) => {
  expect(() => logQuery(new URLSearchParams(asked), 'p')).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test('ports must be numbers', () => {
  expect(String(portQuery(new URLSearchParams('ports=80&ports=81,82')))).toBe('port=80&port=81&port=82');
  expect(() => portQuery(new URLSearchParams('ports=x'))).toThrow('strconv.ParseUint: parsing "x": invalid syntax');
});

test.each([
  ['web', { scheme: '', name: 'web', port: '' }],
  ['web:80', { scheme: '', name: 'web', port: '80' }],
  ['https:web:443', { scheme: 'https', name: 'web', port: '443' }],
  ['http:web:', { scheme: 'http', name: 'web', port: '' }],
])('proxied name %s', (text, parts) => {
  expect(proxyName(text)).toEqual(parts);
});
