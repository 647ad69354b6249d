// /metrics: every line is one that Prometheus reads, names are upstream's, and what clients ask for does not make new series.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RESOURCES } from '../../../kit/client/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';

let world: TestServer;
beforeAll(async () => {
  world = await startTestServer();
});
afterAll(() => world.close());

const scrape = async () => {
  const { body, headers } = await world.client.request('GET', '/metrics');
  expect(headers['content-type']).toContain('text/plain; version=0.0.4');
  return Buffer.from(body).toString();
};

test('names, labels and values', async () => {
  await world.client.create(RESOURCES.configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } });
  await world.client.get(RESOURCES.configmaps, 'b', { namespace: 'default' }).catch(() => {});
  await world.client.request('GET', '/api/v1/configmaps?watch=1&timeoutSeconds=1');
  const text = await scrape();
  for (const line of [
    'apiserver_request_total{component="apiserver",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1",dry_run="",code="201"} 1',
    'apiserver_request_total{component="apiserver",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1",dry_run="",code="404"} 1',
    'apiserver_request_total{component="apiserver",group="",resource="configmaps",scope="cluster",subresource="",verb="WATCH",version="v1",dry_run="",code="200"} 1',
    'apiserver_storage_objects{resource="configmaps"} 1',
    'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",scope="cluster",subresource="",verb="WATCH",version="v1"} 0',
    'apiserver_request_sli_duration_seconds_count{component="apiserver",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 1',
    'apiserver_tls_handshake_errors_total 0',
    'apiserver_resource_objects{group="",resource="configmaps"} 1',
    'apiserver_storage_events_received_total{group="",resource="configmaps"} 1',
    'apiserver_watch_cache_events_received_total{group="",resource="configmaps"} 1',
    'apiserver_watch_cache_events_dispatched_total{group="",resource="configmaps"} 1',
    'apiserver_init_events_total{group="",resource="configmaps"} 1',
    'apiserver_watch_cache_resource_version{group="",resource="configmaps"} ',
    'aggregator_unavailable_apiservice{name="v1.apps"} 0',
    'apiserver_watch_events_total{group="",version="v1",resource="configmaps"} 1',
    'apiserver_watch_events_sizes_count{group="",version="v1",resource="configmaps"} 1',
    'etcd_requests_total{operation="create",group="",resource="configmaps"} 1',
    'apiserver_flowcontrol_nominal_limit_seats{priority_level="catch-all"}',
    'apiserver_current_inflight_requests{request_kind="readOnly"} 1',
    'process_cpu_seconds_total ',
  ])
    expect(text).toContain(line);
  expect(text).not.toMatch(/apiserver_request_duration_seconds_bucket\{[^}]*verb="WATCH"/);
});

test('the format: help and type once a family, samples of it only, cumulative buckets', async () => {
  const text = await scrape();
  expect(text.endsWith('\n')).toBe(true);
  let family = '';
  const seen = new Set<string>();
  const buckets = new Map<string, number>();
  for (const line of text.trimEnd().split('\n')) {
    const help = /^# HELP ([a-z_]+) \S/.exec(line);
    if (help) {
      family = help[1]!;
      expect(seen.has(family)).toBe(false);
      seen.add(family);
      continue;
    }
    if (line.startsWith('#')) {
      expect(line).toMatch(new RegExp(`^# TYPE ${family} (counter|gauge|histogram)$`));
      continue;
    }
    const sample = /^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (-?[0-9.e+-]+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    expect(sample![1]!.replace(/_(bucket|sum|count)$/, '')).toBe(family.replace(/_(bucket|sum|count)$/, ''));
    if (!sample![1]!.endsWith('_bucket')) continue;
    const series = line.replace(/,?le="[^"]*"/, '').replace(/ [^ ]*$/, '');
    expect(Number(sample![3])).toBeGreaterThanOrEqual(buckets.get(series) ?? 0);
    buckets.set(series, Number(sample![3]));
  }
});

test('paths, names and methods that nobody serves share their series', async () => {
  const askAll = async (i: number) => {
    await world.client.request('GET', `/nowhere/${i}`);
    await world.client.request('GET', `/api/v1/things${i}`);
    await world.client.request('GET', `/apis/g${i}.example.com/v1/things`);
    await world.client.request('GET', `/api/v1/namespaces/n${i}/configmaps/c${i}`);
  };
  await askAll(0);
  const before = (await scrape()).split('\n').length;
  for (let i = 1; i <= 50; i++) await askAll(i);
  expect((await scrape()).split('\n').length - before).toBeLessThan(50);
});
