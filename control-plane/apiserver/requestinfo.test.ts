// What methods and paths mean.
import { expect, test } from 'vitest';
import { requestInfo } from './requestinfo.ts';

const of = (method: string, url: string) => {
  const [path = '', query = ''] = url.split('?');
  const { verb, group, version, namespace, resource, name, subresource, rest, isResource } = requestInfo(
    method,
    path,
    new URLSearchParams(query),
  );
  return isResource ? [verb, group, version, namespace, resource, name, subresource, rest].join('|') : `${verb} ${path}`;
};

test.each([
  ['GET', '/api/v1/pods', 'list||v1||pods|||'],
  ['GET', '/api/v1/namespaces/n/pods?watch=true', 'watch||v1|n|pods|||'],
  ['GET', '/api/v1/watch/namespaces/n/pods', 'watch||v1|n|pods|||'],
  ['GET', '/api/v1/namespaces/n/pods/p?watch=true', 'get||v1|n|pods|p||'],
  ['GET', '/api/v1/namespaces/n/pods?fieldSelector=metadata.name%3Dp', 'list||v1|n|pods|p||'],
  ['GET', '/api/v1/namespaces/n', 'get||v1|n|namespaces|n||'],
  ['PUT', '/api/v1/namespaces/n/finalize', 'update||v1|n|namespaces|n|finalize|'],
  ['GET', '/apis/apps/v1/namespaces/n/deployments/d/scale', 'get|apps|v1|n|deployments|d|scale|'],
  ['POST', '/apis/apps/v1/namespaces/n/deployments', 'create|apps|v1|n|deployments|||'],
  ['DELETE', '/apis/apps/v1/namespaces/n/deployments', 'deletecollection|apps|v1|n|deployments|||'],
  ['PATCH', '/api/v1/nodes/n', 'patch||v1||nodes|n||'],
  ['GET', '/api/v1/namespaces/n/services/http:web:80/proxy/a/b%2Fc', 'get||v1|n|services|http:web:80|proxy|/a/b%2Fc'],
  ['GET', '/api/v1/namespaces/n/services/s/proxy/', 'get||v1|n|services|s|proxy|/'],
  ['GET', '/api/v1/nodes/n/proxy/metrics', 'get||v1||nodes|n|proxy|/metrics'],
  ['GET', '/healthz', 'get /healthz'],
  ['GET', '/apis/apps', 'get /apis/apps'],
  ['GET', '/api/v1', 'get /api/v1'],
])('%s %s', (method, url, expected) => {
  expect(of(method, url)).toBe(expected);
});
