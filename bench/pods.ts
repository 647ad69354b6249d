// Pod start: create request to Ready seen by a watcher, image present, with its token volume; and many at once.
import type { Pod } from '../api/gen/types/core.v1.ts';
import type { KubeObject } from '../api/meta/index.ts';
import { createInformer, RESOURCES } from '../kit/client/index.ts';
import { waitFor } from '../kit/run/index.ts';
import { startCluster } from '../rig/index.ts';
import { report, reportSamples, timed } from './measure.ts';

const namespace = 'default';
const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { bench: 'pods' } },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'wherry/tools:1', command: ['sleep', 'infinity'] }] },
});

for (const runtime of ['runc', 'crun'] as const) {
  const bench = `pods-${runtime}`;
  await using cluster = await startCluster({ runtime });
  const stop = new AbortController();
  const ready = new Map<string, number>();
  const informer = createInformer<Pod & KubeObject>(cluster.client, RESOURCES.pods, { namespace }, { signal: stop.signal });
  const note = (object: Pod) => {
    if (object.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))
      ready.set(object.metadata!.name!, ready.get(object.metadata!.name!) ?? performance.now());
  };
  informer.on({ added: note, updated: (_, now) => note(now) });
  const create = (name: string) => cluster.client.create(RESOURCES.pods, pod(name), { namespace });
  const remove = (name: string) => cluster.client.delete(RESOURCES.pods, name, { namespace });
  const gone = () =>
    waitFor(
      { what: 'pods gone', timeoutMs: 120_000 },
      async () => (await cluster.client.list(RESOURCES.pods, { namespace, labelSelector: 'bench=pods' })).items.length === 0,
    );

  const samples: number[] = [];
  for (let i = 0; i < 25; i++) {
    const name = `one-${i}`;
    const started = performance.now();
    await create(name);
    await waitFor({ what: name, timeoutMs: 20_000, everyMs: 1 }, () => ready.has(name));
    if (i >= 5) samples.push(ready.get(name)! - started); // the first are warm-up
    await remove(name);
  }
  reportSamples(bench, 'create to Ready', samples);
  await gone();
  for (const count of [30, 100]) {
    const names = Array.from({ length: count }, (_, i) => `many-${count}-${i}`);
    const ms = await timed(async () => {
      await Promise.all(names.map(create));
      await waitFor({ what: `${count} pods`, timeoutMs: 120_000, everyMs: 5 }, () => names.every((name) => ready.has(name)));
    });
    report({ bench, what: `${count} pods at once, all Ready`, unit: 'ms', value: ms });
    const deleted = await timed(async () => {
      await Promise.all(names.map(remove));
      await gone();
    });
    report({ bench, what: `delete of ${count} pods, 1 s of grace`, unit: 'ms', value: deleted });
  }
  stop.abort();
}
