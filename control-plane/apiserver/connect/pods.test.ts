import { expect, test } from 'vitest';
import type { Authorizer } from '../authz/index.ts';
import type { ApiRequest } from '../request.ts';
import { requireCreate } from './pods.ts';

const asked = (verb: string) =>
  ({
    info: { verb, group: '', version: 'v1', namespace: 'a', resource: 'pods', subresource: 'exec', name: 'p', isResource: true },
    user: { name: 'u', groups: [] },
  }) as unknown as ApiRequest;
const holding = (...verbs: string[]): Authorizer => ({
  authorize: ({ verb, resource, subresource, name }) => ({
    allowed: verbs.includes(verb) && `${resource}/${subresource}/${name}` === 'pods/exec/p',
    reason: '',
  }),
  rulesFor: () => [],
});

test('a WebSocket into a pod is for those who may create it, though it begins with a GET', () => {
  expect(() => requireCreate(holding('get'), asked('get'))).toThrow('pods "p" is forbidden');
  expect(() => requireCreate(holding('get', 'create'), asked('get'))).not.toThrow();
  expect(() => requireCreate(holding(), asked('create'))).not.toThrow(); // authorized as such already
});
