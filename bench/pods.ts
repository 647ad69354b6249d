// Pods on one node, images present, with runc and with crun: create request to Ready seen by a watcher, one by one in several forms, beside
// what conmon and the runtime take alone;
// 30 and 110 at once and their deletion; what 110 pods with probes cost at rest. With each goes where the time went (bench/starts.ts),
// and what it cost: processor time, requests.
import type { Pod } from '../api/gen/types/core.v1.ts';
import type { KubeObject } from '../api/meta/index.ts';
import { createInformer, RESOURCES } from '../kit/client/index.ts';
import { systemClock, waitFor } from '../kit/run/index.ts';
import { type Cluster, cpuSeconds, pssBytes, startCluster, status } from '../rig/index.ts';
import { reportFloor } from './floor.ts';
import { percentile, report, reportSamples, timed } from './measure.ts';
import { type Form, forms, isForm, pod, prepare } from './pod-forms.ts';
import { requestCounts } from './requests.ts';
import { runInMemory } from './run-in-memory.ts';
import { reportSteps, type Sighting } from './starts.ts';

const namespace = 'default';
const LABEL = 'bench=pods';
const WARM_UP = 4;
const SAMPLES = 20;
const REST_SECONDS = 30;

/** Finer than Date.now(), by the same clock as the agent's records. */
const nowMs = (): number => performance.timeOrigin + performance.now();

class PodBench {
  readonly #bench: string;
  readonly #runtime: string;
  readonly #cluster: Cluster;
  readonly #stop = new AbortController();
  readonly #seen = new Map<string, Sighting>();
  readonly #there = new Set<string>();

  constructor(runtime: string, cluster: Cluster) {
    this.#bench = `pods-${runtime}`;
    this.#runtime = runtime;
    this.#cluster = cluster;
    const note = ({ metadata: { name = '' }, spec, status: now }: Pod) => {
      this.#there.add(name);
      const seen = this.#seen.get(name);
      if (!seen) return;
      if (spec?.nodeName) seen.boundMs ??= nowMs();
      if (now?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) seen.readyMs ??= nowMs();
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
    const names = Array.from({ length: WARM_UP + SAMPLES }, (_, i) => `${form}-${i}`);
    const [early, measured] = [names.slice(0, WARM_UP), names.slice(WARM_UP)];
    await this.#startEach(early, form);
    const [before, asked] = [await this.#cpu(), await requestCounts(this.#cluster)];
    await this.#startEach(measured, form);
    const samples = measured.map((name) => this.#seen.get(name)!).map(({ sentMs, readyMs = Number.NaN }) => readyMs - sentMs);
    const what = `${form}: create to Ready`;
    reportSamples(this.#bench, what, samples);
    await systemClock.sleep(200); // the last events are written
    await this.#reportCpu(before, `${form}: one start`, SAMPLES);
    for (const [request, count] of await requestCounts(this.#cluster)) {
      const each = (count - (asked.get(request) ?? 0)) / SAMPLES;
      if (each >= 0.1) process.stderr.write(`${this.#bench} ${request.padEnd(32)} x ${each.toFixed(1)}\n`);
    }
    await reportSteps(this.#bench, this.#cluster, this.#seenOf(measured));
    const floor = await reportFloor(this.#bench, this.#cluster, this.#runtime, measured[0]!);
    report({
      bench: this.#bench,
      what: `${what} p50, beside conmon and ${this.#runtime} alone`,
      unit: 'x',
      value: percentile(samples, 50) / floor,
    });
    await this.#delete(names);
  }

  /** One after the other. */
  async #startEach(names: readonly string[], form: Form): Promise<void> {
    for (const name of names) {
      await this.#create(name, form);
      await this.#ready([name], 1);
    }
  }

  #seenOf(names: readonly string[]): Map<string, Sighting> {
    return new Map(names.map((name) => [name, this.#seen.get(name)!]));
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
    await reportSteps(this.#bench, this.#cluster, this.#seenOf(names));
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
    const seen: Sighting = { sentMs: nowMs() };
    this.#seen.set(name, seen);
    this.#there.add(name);
    await this.#cluster.client.create(RESOURCES.pods, pod(name, form), { namespace });
    seen.acceptedMs = nowMs();
  }

  async #ready(names: readonly string[], everyMs: number): Promise<void> {
    await waitFor({ what: `${names.length} pods`, timeoutMs: 120_000, everyMs }, () =>
      names.every((name) => this.#seen.get(name)?.readyMs !== undefined),
    );
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

using _run = runInMemory();
const [only = '', ...chosen] = process.argv.slice(2);
const parts = [...forms, '30', '110', 'rest'].filter((part) => chosen.length === 0 || chosen.includes(part));
for (const runtime of ['runc', 'crun'] as const) {
  if (only && only !== runtime) continue;
  await using cluster = await startCluster({ runtime });
  await prepare(cluster);
  const bench = new PodBench(runtime, cluster);
  for (const part of parts) {
    if (part === 'rest') await bench.atRest();
    else if (isForm(part)) await bench.oneByOne(part);
    else await bench.atOnce(Number(part));
  }
  bench.close();
}
