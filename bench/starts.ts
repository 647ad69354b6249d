// Where the time of pod starts went, by what the agent recorded of each: medians of begin and length of every step.
import type { Cluster } from '../rig/index.ts';
import { percentile, report } from './measure.ts';

interface Start {
  pod: string;
  tookMs: number;
  steps: { name: string; beginMs: number; endMs: number }[];
}

/** Reports the steps in the order of their beginnings, and a line a step to people on stderr. */
export async function reportSteps(bench: string, cluster: Cluster, pods: readonly string[]): Promise<void> {
  const node = cluster.nodes[0]!.name;
  const { starts } = JSON.parse(await cluster.kubectl(['get', '--raw', `/api/v1/nodes/${node}/proxy/debug/starts`])) as { starts: Start[] };
  const wanted = new Set(pods.map((name) => `default/${name}`));
  const found = starts.filter(({ pod }) => wanted.has(pod));
  report({ bench, what: 'seen by the agent to Ready acknowledged p50', unit: 'ms', value: median(found.map(({ tookMs }) => tookMs)) });
  const names = [...new Set(found.flatMap(({ steps }) => steps.map(({ name }) => name)))];
  const lines = names.map((name) => {
    // the first of its name in each start, as long as all of them together: a pod has several containers and statuses
    const mine = found.map(({ steps }) => steps.filter((step) => step.name === name)).filter((steps) => steps.length > 0);
    return {
      name,
      beginMs: median(mine.map((steps) => steps[0]!.beginMs)),
      ms: median(mine.map((steps) => steps.reduce((sum, { beginMs, endMs }) => sum + endMs - beginMs, 0))),
      times: mine.reduce((sum, steps) => sum + steps.length, 0) / found.length,
    };
  });
  for (const { name, beginMs, ms, times } of lines.sort((a, b) => a.beginMs - b.beginMs))
    process.stderr.write(
      `${bench} ${name.padEnd(26)} at ${beginMs.toFixed(1).padStart(7)} ms, ${ms.toFixed(1).padStart(6)} ms, x ${times.toFixed(1)}\n`,
    );
}

const median = (values: readonly number[]): number => percentile(values, 50);
