// Static pods by hand: a file comes, changes, is wrong, goes and comes again, with the agent there and while it is away.
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import { type KubeObject, toMilli } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { conditionOf } from '../../kit/pods/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';
import { podsOf } from './pods-of.ts';

const NODE = 'node-1';
const WAIT = { timeoutMs: 120_000, everyMs: 50 };

let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 });
  folder = (await agentConfig(cluster, NODE))['staticPodPath'] as string;
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const spec = (word: string, container: object = {}) => ({
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'main', image: 'wherry/tools:1', command: ['sh', '-c', `echo ${word}; sleep infinity`], ...container }],
});
const manifest = (name: string, word: string, container?: object) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: spec(word, container) });

/** In one step, as whoever writes such files should. */
async function put(file: string, text: string): Promise<void> {
  await writeFile(join(folder, `.${file}`), text);
  await rename(join(folder, `.${file}`), join(folder, file));
}

const pods = podsOf(() => cluster);

const mirror = async (name: string): Promise<Pod | undefined> => {
  const { exitCode, stdout } = await cluster.tryKubectl(['get', 'pod', `${name}-${NODE}`, '-o', 'json']);
  return exitCode === 0 ? JSON.parse(stdout) : undefined;
};
const containerOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0]?.containerID;

/** Waits until its log says the word, and tells its container. */
const says = (name: string, word: string) =>
  waitFor({ what: `${name} to say ${word}`, ...WAIT }, async () => {
    const { stdout } = await cluster.tryKubectl(['logs', `${name}-${NODE}`]);
    const pod = await mirror(name);
    return stdout === `${word}\n` && pod?.status?.phase === 'Running' ? containerOf(pod) : undefined;
  });
const isGone = (name: string) =>
  waitFor({ what: `${name} to be gone`, ...WAIT }, async () => {
    const log = await cluster.onNode(NODE, ['sh', '-c', `ls /var/log/pods | grep "_${name}-${NODE}_" || true`]);
    return log === '' && (await mirror(name)) === undefined;
  });

test('a file comes, changes, goes and comes again; another one is not touched by any of it', async () => {
  await put('other.json', manifest('other', 'constant'));
  await put('web.json', manifest('web', 'one'));
  const [other, one] = await Promise.all([says('other', 'constant'), says('web', 'one')]);
  await put('web.json', manifest('web', 'two'));
  const two = await says('web', 'two');
  expect(two).not.toBe(one);
  // Faster than anything can follow: what counts is the last word.
  for (const word of ['three', 'four', 'five']) await put('web.json', manifest('web', word));
  await says('web', 'five');
  await rm(join(folder, 'web.json'));
  await isGone('web');
  await put('web.json', manifest('web', 'five'));
  await says('web', 'five');
  // Wrong files, and one that claims a name that is taken: told in the log, and nothing else happens.
  await put('broken.json', '{"kind": "Pod", ');
  await put('secret.json', JSON.stringify({ ...JSON.parse(manifest('secret', 'x')), spec: { containers: [] } }));
  await put('zz.json', manifest('web', 'impostor'));
  await put('late.json', manifest('late', 'late'));
  await says('late', 'late');
  expect(await says('other', 'constant')).toBe(other);
  expect(await mirror('secret')).toBeUndefined();
  await says('web', 'five');
});

test('after kill -9 what is as before goes on, what has changed meanwhile changes, what has gone ends', async () => {
  for (const name of ['stays', 'changes', 'goes']) await put(`${name}.json`, manifest(name, 'before'));
  const [stays] = await Promise.all(['stays', 'changes', 'goes'].map((name) => says(name, 'before')));
  await cluster.kill(NODE);
  await put('changes.json', manifest('changes', 'after'));
  await rm(join(folder, 'goes.json'));
  await put('new.json', manifest('new', 'after'));
  await cluster.restart();
  await Promise.all([says('changes', 'after'), says('new', 'after'), isGone('goes')]);
  expect(await says('stays', 'before')).toBe(stays);
});

test('a full node makes room for a file; what no room would help is refused', async () => {
  const { status } = await cluster.client.get<Node & KubeObject>(RESOURCES.nodes, NODE);
  const cpuMilli = Number(toMilli(status?.allocatable?.['cpu'] ?? '0'));
  const asking = (milli: number) => ({ resources: { requests: { cpu: `${milli}m` } } });
  await Promise.all([
    pods.create('big', spec('big', asking(cpuMilli - 200))),
    pods.create('small', spec('small', { ...asking(200), ports: [{ containerPort: 80, hostPort: 18080 }] })),
  ]);
  const small = await pods.until('small', 'to run', (pod) => pod.status?.phase === 'Running');
  await pods.until('big', 'to run', (pod) => pod.status?.phase === 'Running');

  await put('critical.json', manifest('critical', 'here', asking(300)));
  await says('critical', 'here');
  const big = await pods.until('big', 'to have failed', (pod) => pod.status?.phase === 'Failed');
  expect(big.status).toMatchObject({ reason: 'Preempting', message: 'Preempted in order to admit critical pod' });
  expect(conditionOf(big, 'DisruptionTarget')).toMatchObject({
    status: 'True',
    reason: 'TerminationByKubelet',
    message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
  });
  expect(await pods.eventOf('big', 'Preempting')).toMatchObject({ type: 'Warning', message: 'Preempted in order to admit critical pod' });
  expect(containerOf(await pods.get('small'))).toBe(containerOf(small));

  await put('giant.json', manifest('giant', 'never', asking(cpuMilli + 1)));
  await put('port.json', manifest('port', 'never', { ports: [{ containerPort: 80, hostPort: 18080 }] }));
  const refused = (name: string) => pods.until(`${name}-${NODE}`, 'to be refused', (pod) => pod.status?.phase === 'Failed');
  expect((await refused('port')).status).toMatchObject({ reason: 'NodePorts' });
  const { reason, message } = (await refused('giant')).status ?? {};
  expect(reason).toBe('UnexpectedAdmissionError');
  expect(message).toMatch(/no set of running pods found to reclaim resources: \[\(res: cpu, q: \d+\), \]$/);
  await Promise.all(['critical', 'giant', 'port'].map((name) => rm(join(folder, `${name}.json`))));
  await isGone('critical');
});
