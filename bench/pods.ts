// Pods on one node, images present, with runc and with crun: create request to Ready seen by a watcher, one by one in several forms;
// 30 and 110 at once and their deletion; what 110 pods with probes cost at rest. With each goes where the time went (bench/starts.ts).
import type { Pod } from '../api/gen/types/core.v1.ts';
import type { KubeObject } from '../api/meta/index.ts';
import { createInformer, RESOURCES } from '../kit/client/index.ts';
import { systemClock, waitFor } from '../kit/run/index.ts';
import { type Cluster, cpuSeconds, pssBytes, startCluster, status } from '../rig/index.ts';
import { report, reportSamples, timed } from './measure.ts';
import { type Form, forms, pod, prepare } from './pod-forms.ts';
import { reportSteps } from './starts.ts';

const namespace = 'default';
const LABEL = 'bench=pods';
const WARM_UP = 4;
const SAMPLES = 20;
const REST_SECONDS = 30;

class PodBench {
  readonly #bench: string;
  readonly #cluster: Cluster;
  readonly #stop = new AbortController();
  /** When each pod was first seen ready, and which are there. */
  readonly #readyMs = new Map<string, number>();
  readonly #there = new Set<string>();

  constructor(bench: string, cluster: Cluster) {
    this.#bench = bench;
    this.#cluster = cluster;
    const note = ({ metadata: { name = '' }, status: now }: Pod) => {
      this.#there.add(name);
      if (this.#readyMs.has(name)) return;
      if (now?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) this.#readyMs.set(name, performance.now());
    };
    createInformer<Pod & KubeObject>(cluster.client, RESOURCES.pods, { namespace, labelSelector: LABEL }, this.#stop).on({
      added: note,
      updated: (_, object) => note(object),
      deleted: ({ metadata }) => void this.#there.delete(metadata.name ?? ''),
    });
  }

  close(): void {
    this.#stop.abort();
  }

  async oneByOne(form: Form): Promise<void> {
    const samples: number[] = [];
    const names = Array.from({ length: WARM_UP + SAMPLES }, (_, i) => `${form}-${i}`);
    for (const name of names) {
      const begunMs = performance.now();
      await this.#create(name, form);
      await this.#ready([name], 1);
      samples.push(this.#readyMs.get(name)! - begunMs);
    }
    reportSamples(this.#bench, `${form}: create to Ready`, samples.slice(WARM_UP));
    await reportSteps(this.#bench, this.#cluster, names.slice(WARM_UP));
    await this.#delete(names);
  }

  async atOnce(count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, i) => `many-${count}-${i}`);
    const before = await this.#cpu();
    const started = await timed(async () => {
      await Promise.all(names.map((name) => this.#create(name, 'token')));
      await this.#ready(names, 5);
    });
    report({ bench: this.#bench, what: `${count} pods at once, all Ready`, unit: 'ms', value: started });
    await this.#reportCpu(before, `start of one of ${count} pods`, count);
    await reportSteps(this.#bench, this.#cluster, names);
    const full = await this.#cpu();
    const deleted = await timed(() => this.#delete(names));
    report({ bench: this.#bench, what: `delete of ${count} pods, 1 s of grace`, unit: 'ms', value: deleted });
    await this.#reportCpu(full, `end of one of ${count} pods`, count);
  }

  /** 110 pods with an http readiness and an exec-free tcp liveness probe, every 10 s each, and nothing else to do. */
  async atRest(): Promise<void> {
    const names = Array.from({ length: 110 }, (_, i) => `probed-${i}`);
    await Promise.all(names.map((name) => this.#create(name, 'probes')));
    await this.#ready(names, 5);
    await systemClock.sleep(5_000); // the last statuses and events are written
    const before = await this.#cpu();
    await systemClock.sleep(REST_SECONDS * 1000);
    for (const [part, seconds] of (await this.#cpu()).entries()) {
      const value = ((seconds[1] - before[part]![1]) * 1000 * 60) / REST_SECONDS / names.length;
      report({ bench: this.#bench, what: `processor time of ${seconds[0]} a pod a minute, 110 pods with probes`, unit: 'ms', value });
    }
    for (const { part, pid } of await this.#processes())
      report({ bench: this.#bench, what: `memory of ${part} with 110 pods (PSS)`, unit: 'MB', value: pssBytes(pid) / 1e6 });
    await this.#delete(names);
  }

  async #create(name: string, form: Form): Promise<void> {
    await this.#cluster.client.create(RESOURCES.pods, pod(name, form), { namespace });
    this.#there.add(name);
  }

  async #ready(names: readonly string[], everyMs: number): Promise<void> {
    await waitFor({ what: `${names.length} pods`, timeoutMs: 120_000, everyMs }, () => names.every((name) => this.#readyMs.has(name)));
  }

  async #delete(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#cluster.client.delete(RESOURCES.pods, name, { namespace })));
    await waitFor({ what: 'pods gone', timeoutMs: 120_000, everyMs: 5 }, () => this.#there.size === 0);
  }

  /** Seconds of each of our processes. */
  async #cpu(): Promise<[string, number][]> {
    return (await this.#processes()).map(({ part, pid }) => [part, cpuSeconds(pid)]);
  }

  /** The control plane and the agent; hosts do nothing. */
  async #processes(): Promise<{ part: string; pid: number }[]> {
    const parts = ['control-plane', this.#cluster.nodes[0]!.name];
    return (await status(this.#cluster.name)).flatMap(({ part, pid }) =>
      pid !== undefined && parts.includes(part) ? [{ part, pid }] : [],
    );
  }

  async #reportCpu(before: [string, number][], what: string, count: number): Promise<void> {
    for (const [i, [part, seconds]] of (await this.#cpu()).entries())
      report({
        bench: this.#bench,
        what: `processor time of ${part}, ${what}`,
        unit: 'ms',
        value: ((seconds - before[i]![1]) * 1000) / count,
      });
  }
}

const only = process.argv[2];
for (const runtime of ['runc', 'crun'] as const) {
  if (only && only !== runtime) continue;
  await using cluster = await startCluster({ runtime });
  await prepare(cluster);
  const bench = new PodBench(`pods-${runtime}`, cluster);
  for (const form of forms) await bench.oneByOne(form);
  for (const count of [30, 110]) await bench.atOnce(count);
  await bench.atRest();
  bench.close();
}
