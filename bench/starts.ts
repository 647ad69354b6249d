// Where the time of pod starts went: medians of the whole path, from the request to the watcher, and of each step that the agent recorded.
import type { Cluster } from '../rig/index.ts';
import { percentile, report } from './measure.ts';

interface Start {
  pod: string;
  seenAtMs: number;
  tookMs: number;
  steps: { name: string; beginMs: number; endMs: number }[];
}

/** One start as its client saw it, in milliseconds since the epoch. */
export interface Sighting {
  sentMs: number;
  acceptedMs?: number;
  /** The watch showed it with a node. */
  boundMs?: number;
  readyMs?: number;
}

/** When it happened, by the client's sighting and by the agent's own record. */
const PATH: readonly [string, (seen: Sighting, start: Start) => number | undefined][] = [
  ['accepted', ({ acceptedMs }) => acceptedMs],
  ['watcher sees its node', ({ boundMs }) => boundMs],
  ['agent sees it', (_, { seenAtMs }) => seenAtMs],
  ['volumes are ready', (_, start) => endOf(start, 'volumes')],
  ['sandbox is ready', (_, start) => endOf(start, 'sandbox')],
  ['last container created', (_, start) => endOf(start, 'container.create')],
  ['last container started', (_, start) => endOf(start, 'container.start')],
  ['watcher sees it ready', ({ readyMs }) => readyMs],
  ['agent knows that it is written', (_, { seenAtMs, tookMs }) => seenAtMs + tookMs],
];

const endOf = ({ seenAtMs, steps }: Start, step: string): number | undefined => {
  const last = steps.findLast(({ name }) => name === step);
  return last && seenAtMs + last.endMs;
};

/** Reports how long the agent took; to people, on stderr, a line for each part of the path and for each step. `seen`: by pod. */
export async function reportSteps(bench: string, cluster: Cluster, seen: ReadonlyMap<string, Sighting>): Promise<void> {
  const node = cluster.nodes[0]!.name;
  const { starts } = JSON.parse(await cluster.kubectl(['get', '--raw', `/api/v1/nodes/${node}/proxy/debug/starts`])) as { starts: Start[] };
  const found = starts.flatMap((start) => {
    const sighting = seen.get(start.pod.slice('default/'.length));
    return sighting ? [{ sighting, start }] : [];
  });
  report({ bench, what: 'seen by the agent to Ready acknowledged p50', unit: 'ms', value: median(found.map(({ start }) => start.tookMs)) });
  const say = (line: string) => process.stderr.write(`${bench} ${line}\n`);
  for (const [name, at] of PATH) {
    const times = found.flatMap(({ sighting, start }) => (at(sighting, start) ?? Number.NaN) - sighting.sentMs).filter(Number.isFinite);
    if (times.length > 0) say(`${name.padEnd(32)} ${median(times).toFixed(1).padStart(7)} ms after the request`);
  }
  for (const { name, beginMs, ms, times } of stepsOf(found.map(({ start }) => start)))
    say(`${name.padEnd(26)} at ${beginMs.toFixed(1).padStart(7)} ms, ${ms.toFixed(1).padStart(6)} ms, x ${times.toFixed(1)}`);
}

/** In the order of their beginnings. The first of its name in each start, as long as all of them together: a pod has several containers and statuses. */
function stepsOf(starts: readonly Start[]): { name: string; beginMs: number; ms: number; times: number }[] {
  const names = [...new Set(starts.flatMap(({ steps }) => steps.map(({ name }) => name)))];
  const lines = names.map((name) => {
    const mine = starts.map(({ steps }) => steps.filter((step) => step.name === name)).filter((steps) => steps.length > 0);
    return {
      name,
      beginMs: median(mine.map((steps) => steps[0]!.beginMs)),
      ms: median(mine.map((steps) => steps.reduce((sum, { beginMs, endMs }) => sum + endMs - beginMs, 0))),
      times: mine.reduce((sum, steps) => sum + steps.length, 0) / starts.length,
    };
  });
  return lines.sort((a, b) => a.beginMs - b.beginMs);
}

const median = (values: readonly number[]): number => percentile(values, 50);
