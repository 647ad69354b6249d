// What clients see of the documents' addresses: hashes, redirects, conditional requests, compression.
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { KindTable } from './kind-table.ts';
import { openApiPaths } from './openapi.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

const kinds = new KindTable();
const paths = openApiPaths(kinds, 'v1.36.2');

function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<ApiResponse> {
  const { pathname, searchParams } = new URL(url, 'https://x');
  const handler = paths[pathname] ?? paths['/openapi/v3/']!;
  return handler({ method, path: pathname, query: searchParams, headers } as unknown as ApiRequest);
}
const index = async () => JSON.parse(String((await ask('/openapi/v3')).body)).paths as Record<string, { serverRelativeURL: string }>;

test('the index leads to documents that caches may keep', async () => {
  const url = (await index())['apis/apps/v1']!.serverRelativeURL;
  const answer = await ask(url, { 'accept-encoding': 'gzip' });
  expect(answer.headers).toMatchObject({
    'cache-control': 'public, immutable',
    'content-encoding': 'gzip',
    'content-type': 'application/json',
  });
  const plain = await ask(url);
  expect(gunzipSync(answer.body as Buffer)).toEqual(plain.body);
  expect(await ask(url, { 'if-none-match': answer.headers!['etag']! })).toMatchObject({ status: 304 });
});

test('an address of another day leads to the present one; without a hash nothing is kept', async () => {
  const url = (await index())['apis/apps/v1']!.serverRelativeURL;
  expect(await ask('/openapi/v3/apis/apps/v1?hash=OLD')).toMatchObject({ status: 301, headers: { location: url } });
  expect((await ask('/openapi/v3/apis/apps/v1')).headers).not.toHaveProperty('cache-control');
  expect(await ask('/openapi/v3/apis/nope/v1')).toEqual({ status: 404 });
  await expect(ask('/openapi/v3', {}, 'POST')).rejects.toMatchObject({ code: 405 });
});

test('version 2 in JSON and protobuf, nothing else', async () => {
  const json = JSON.parse(String((await ask('/openapi/v2')).body));
  expect(json.swagger).toBe('2.0');
  expect(Object.keys(json.paths)).toContain('/api/v1/namespaces/{namespace}/pods/{name}');
  const protobuf = await ask('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
  expect(protobuf.headers!['content-type']).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  expect((protobuf.body as Buffer).subarray(0, 5).toString('latin1')).toBe('\n\x032.0');
  await expect(ask('/openapi/v2', { accept: 'text/html' })).rejects.toMatchObject({ code: 406 });
});

test('other work is done while version 2 is made', async () => {
  const other = openApiPaths(new KindTable(), 'another');
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  count();
  await other['/openapi/v2']!({ method: 'GET', path: '/openapi/v2', query: new URLSearchParams(), headers: {} } as unknown as ApiRequest);
  going = false;
  expect(turns).toBeGreaterThan(20);
});
