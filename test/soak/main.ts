// The soak: random lives of pods and deaths of processes for a while, then the nodes must be as before. Exit code 1: something is left, or stuck.
import { parseArgs } from 'node:util';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import { startCluster } from '../../rig/index.ts';
import { agentConfig, nodeState } from '../crash/node-state.ts';
import { act, World } from './actions.ts';
import { KINDS } from './kinds.ts';
import { chance } from './random.ts';

const SETTLE_MS = 300_000;
const PAUSE_MS = 400;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    runtime: { type: 'string', default: 'runc' },
    nodes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31) + 1) },
  },
});
const number = (name: 'seconds' | 'nodes' | 'seed'): number => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  process.stderr.write(`soak: --${name} ${values[name]}: expected a whole number above 0\n`);
  process.exit(2);
};
const [seconds, count, seed] = [number('seconds'), number('nodes'), number('seed')];

const say = (text: string): void => void process.stdout.write(`soak: ${text}\n`);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));

say(`${seconds} s of ${values.runtime} on ${count} nodes, seed ${seed}`);
await using cluster = await startCluster({ nodes: count, runtime: values.runtime });
const nodes = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
const configs = await Promise.all(nodes.map((node) => agentConfig(cluster, node)));
const world = new World(
  cluster,
  chance(seed),
  nodes,
  configs.map((config) => config['cgroupParent']!),
);
const states = () => Promise.all(nodes.map((node, index) => nodeState(cluster, node, configs[index]!)));
const waiting = { timeoutMs: SETTLE_MS, everyMs: 500, signal: stop.signal };

try {
  // What the first pod of each kind makes for good (a bridge, the images' layers) is no leak.
  for (const node of nodes) for (const kind of Object.keys(KINDS)) await world.create(kind, node);
  await settled();
  await emptied();
  const before = await states();
  await soak();
  await cluster.restart();
  await settled();
  await emptied();
  let left: string[] = [];
  await waitFor({ ...waiting, what: 'the nodes to be as before' }, async () => {
    left = (await states()).flatMap((state, index) => differences(nodes[index]!, before[index]!, state));
    return left.length === 0;
  }).catch((error: Error) => {
    throw new Error([error.message, ...left].join('\n  '), { cause: error });
  });
  say('nothing is left');
} catch (error) {
  say(`FAILED (seed ${seed}): ${(error as Error).message}`);
  process.exitCode = 1;
}

async function soak(): Promise<void> {
  const counts = new Map<string, number>();
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    stop.signal.throwIfAborted();
    const what = await act(world);
    counts.set(what, (counts.get(what) ?? 0) + 1);
    await systemClock.sleep(world.chance.next() * PAUSE_MS, stop.signal);
  }
  say([...counts].map(([what, times]) => `${what} ${times}`).join(', '));
}

/** Every pod has come to where its kind goes: it is ready, has ended, or is started again and again. */
async function settled(): Promise<void> {
  await waitFor({ ...waiting, what: 'all pods to settle' }, async () => {
    const stuck = (await world.pods()).filter(({ metadata, status }) => {
      if (metadata.deletionTimestamp || ['Succeeded', 'Failed'].includes(status?.phase ?? '')) return false;
      if (status?.containerStatuses?.some(({ restartCount }) => restartCount > 0)) return false;
      return !status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
    });
    if (stuck.length === 0) return true;
    throw new Error(stuck.map(({ metadata, status }) => `${metadata.name} (${metadata.labels?.['kind']}) is ${status?.phase}`).join(', '));
  });
}

async function emptied(): Promise<void> {
  for (const { metadata } of await world.pods()) await world.delete(metadata.name ?? '').catch(() => {}); // one that has just gone
  await waitFor({ ...waiting, what: 'all pods to go' }, async () => {
    const names = (await world.pods()).map(({ metadata }) => metadata.name);
    if (names.length > 0) throw new Error(`there are ${names.join(', ')}`);
    return true;
  });
}

function differences(node: string, before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)];
  return [
    ...after.filter((line) => !had.has(line)).map((line) => `${node} has more: ${line}`),
    ...before.filter((line) => !has.has(line)).map((line) => `${node} lacks: ${line}`),
  ];
}
