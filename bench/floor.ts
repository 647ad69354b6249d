// What conmon and the runtime take for a container by themselves, in the same minute on the same machine: a start can be compared with that
// wherever it is measured.
import { dirname } from 'node:path';
import type { Pod } from '../api/gen/types/core.v1.ts';
import type { KubeObject } from '../api/meta/index.ts';
import { RESOURCES } from '../kit/client/index.ts';
import { type Cluster, runtimeAddress } from '../rig/index.ts';
import { percentile, reportSamples } from './measure.ts';

const WARM_UP = 3;
const SAMPLES = 20;

/** Of a container like that of the pod, which runs. Milliseconds until it runs, median. */
export async function reportFloor(bench: string, cluster: Cluster, runtime: string, podName: string): Promise<number> {
  const found = await cluster.client.get<Pod & KubeObject>(RESOURCES.pods, podName, { namespace: 'default' });
  const id = /[^/]+$/.exec(found.status?.containerStatuses?.[0]?.containerID ?? '')?.[0];
  const node = cluster.nodes[0]!.name;
  const bundle = `${dirname((await runtimeAddress(cluster.name, node)).socket)}/c/${id}`;
  const loop = `${import.meta.dirname}/floor-loop.ts`;
  const printed = await cluster.onNode(node, [process.execPath, loop, bundle, runtime, String(WARM_UP + SAMPLES)]);
  const samples = (JSON.parse(printed) as [created: number, running: number][]).slice(WARM_UP);
  const running = samples.map(([, ms]) => ms);
  reportSamples(
    bench,
    `conmon and ${runtime} alone: created`,
    samples.map(([ms]) => ms),
  );
  reportSamples(bench, `conmon and ${runtime} alone: running`, running);
  return percentile(running, 50);
}
