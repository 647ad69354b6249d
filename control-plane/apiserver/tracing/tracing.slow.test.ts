// A request's trace as a collector gets it: one root with the caller as its parent, and the parts below it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startTestServer } from '../testing.ts';
import { parseTracing } from './config.ts';
import { openTracing } from './index.ts';

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: { key: string; value: Record<string, unknown> }[];
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function collector(): Promise<{ url: string; spans: Span[] }> {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      for (const { scopeSpans } of body.resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, spans };
}

const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'traced' } };
const path = '/api/v1/namespaces/default/configmaps';

test('a create is one trace: the caller’s, with authentication, authorization, admission and the store below', async () => {
  const { url, spans } = await collector();
  const tracing = await openTracing({ url, samplingRatePerMillion: 0 });
  const world = await startTestServer();
  cleanups.push(() => world.close());
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await world.client.request('POST', path, { body, headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
  await world.client.request('GET', path); // sampled by nobody
  await tracing.close();
  const root = spans.find((span) => span.name === 'KubernetesAPI')!;
  expect(root).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' });
  const attributes = Object.fromEntries(root.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  expect(attributes).toMatchObject({ 'http.request.method': 'POST', 'k8s.resource': 'configmaps', 'http.response.status_code': 201 });
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const below = spans.filter((span) => span.parentSpanId === root.spanId).map((span) => span.name);
  expect(below.sort()).toEqual(['admission', 'admission', 'authenticate', 'authorize', 'fairness', 'store']);
});

test('all are sampled when the configuration says so; a collector that is gone hinders nobody', async () => {
  const { url, spans } = await collector();
  const first = await openTracing({ url, samplingRatePerMillion: 1e6 });
  const world = await startTestServer();
  cleanups.push(() => world.close());
  await world.client.request('GET', path);
  await first.close();
  expect(spans.some(({ name, parentSpanId }) => name === 'KubernetesAPI' && !parentSpanId)).toBe(true);
  const second = await openTracing({ url: 'http://127.0.0.1:1/v1/traces', samplingRatePerMillion: 1e6 });
  expect((await world.client.request('GET', path)).status).toBe(200);
  await second.close();
});

describe('configuration', () => {
  const config = (rest: string) => parseTracing(`apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\n${rest}`);
  test.each([
    ['endpoint: collector:4318', 'http://collector:4318/v1/traces'],
    ['endpoint: https://collector/otlp', 'https://collector/otlp'],
    ['', 'http://localhost:4318/v1/traces'],
  ])('%j sends to %s', (text, url) => {
    expect(config(text)).toEqual({ url, samplingRatePerMillion: 0 });
  });

  test('what is wrong is named', () => {
    expect(() => config('samplingRatePerMillion: -1')).toThrow('samplingRatePerMillion');
    expect(() => config('endpoint: "::"')).toThrow('endpoint');
    expect(() => parseTracing('kind: Policy')).toThrow('TracingConfiguration');
  });
});
