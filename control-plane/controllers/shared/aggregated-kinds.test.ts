import { afterEach, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Client, DiscoveredResource, Handlers, InformerFactory } from '../../../kit/client/index.ts';
import { silentLogger, systemClock, waitFor } from '../../../kit/run/index.ts';
import { AggregatedKinds } from './aggregated-kinds.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

const apiService = (version: string, priority: number, available: boolean): KubeObject => ({
  metadata: { name: `${version}.x.io` },
  spec: { group: 'x.io', version, versionPriority: priority, service: { namespace: 'n', name: 's' } },
  status: { conditions: [{ type: 'Available', status: available ? 'True' : 'False' }] },
});
const resource = (version: string, plural: string): DiscoveredResource => ({
  group: 'x.io',
  version,
  plural,
  kind: plural,
  namespaced: true,
  verbs: ['list'],
});

/** Registrations that come and go, and servers that answer or do not. */
function world() {
  const objects = new Map<string, KubeObject>();
  const serving = new Map<string, DiscoveredResource[] | Error>();
  let handlers: Handlers<KubeObject> = {};
  const informer = {
    get: (name: string) => objects.get(name),
    on: (given: Handlers<KubeObject>) => {
      handlers = given;
    },
  };
  const client = {
    discover: async (_: string, version: string) => {
      const answer = serving.get(version) ?? [];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  let changes = 0;
  const kinds = new AggregatedKinds({
    client: client as unknown as Client,
    informers: { of: () => informer } as unknown as InformerFactory,
    clock: systemClock,
    log: silentLogger,
    signal: stop.signal,
    changed: () => {
      changes++;
    },
  });
  return {
    kinds,
    serving,
    changes: () => changes,
    put(object: KubeObject) {
      const before = objects.get(object.metadata.name!);
      objects.set(object.metadata.name!, object);
      if (before) handlers.updated?.(before, object);
      else handlers.added?.(object);
    },
    remove(object: KubeObject) {
      objects.delete(object.metadata.name!);
      handlers.deleted?.(object);
    },
  };
}
const versions = (found: readonly DiscoveredResource[]) => found.map(({ version, plural }) => `${plural}.${version}`).sort();

test('resources come with their server, in the version that is preferred, and go with the registration', async () => {
  const { kinds, serving, put, remove, changes } = world();
  serving.set('v1', [resource('v1', 'a'), resource('v1', 'b')]);
  serving.set('v2', [resource('v2', 'a')]);
  put(apiService('v1', 10, true));
  put(apiService('v2', 20, true));
  await waitFor({ what: 'both versions', timeoutMs: 5_000 }, () => kinds.failures().size === 0 && changes() === 2);
  expect(versions(kinds.resources())).toEqual(['a.v2', 'b.v1']);
  remove(apiService('v2', 20, true));
  await waitFor({ what: 'one version', timeoutMs: 5_000 }, () => changes() === 3);
  expect(versions(kinds.resources())).toEqual(['a.v1', 'b.v1']);
});

test('a server that is not there is a failure from the first moment; what it served before is kept, but cannot be reached', async () => {
  const { kinds, serving, put } = world();
  serving.set('v1', [resource('v1', 'a')]);
  put(apiService('v1', 10, true));
  expect([...kinds.failures()]).toEqual([['x.io/v1', 'stale GroupVersion discovery: x.io/v1']]);
  await waitFor({ what: 'it is discovered', timeoutMs: 5_000 }, () => kinds.failures().size === 0);
  put(apiService('v1', 10, false));
  await waitFor({ what: 'it is gone', timeoutMs: 5_000 }, () => kinds.failures().size === 1);
  expect(versions(kinds.resources())).toEqual(['a.v1']);
  expect(kinds.resources('reachable')).toEqual([]);
  serving.set('v1', new Error('the server is currently unable to handle the request'));
  put(apiService('v1', 10, true));
  const expected = 'the server is currently unable to handle the request';
  await waitFor({ what: 'its error', timeoutMs: 5_000 }, () => kinds.failures().get('x.io/v1') === expected);
});

test('registrations of the server itself are nothing to discover', () => {
  const { kinds, put } = world();
  put({ metadata: { name: 'v1.apps' }, spec: { group: 'apps', version: 'v1', versionPriority: 1 } });
  expect(kinds.failures().size).toBe(0);
  expect(kinds.resources()).toEqual([]);
});
