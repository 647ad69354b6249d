// The agent's own API: who may ask for what, and what the answers are.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';

const NODE = 'node-1';

let cluster: Cluster;
let server: string;
let tokens: { metrics: string; all: string; nothing: string };
beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 });
  server = `https://${(await agentConfig(cluster, NODE))['nodeIP']}:10250`;
  await cluster.kubectl(['run', 'web', '--image=wherry/tools:1', '--', 'sleep', 'infinity']);
  for (const [name, resource] of [
    ['metrics', 'nodes/metrics'],
    ['all', 'nodes/proxy,nodes/stats,nodes/metrics,nodes/log,nodes/checkpoint'],
  ] as const) {
    await cluster.kubectl(['create', 'clusterrole', name, '--verb=get,create', `--resource=${resource}`]);
    await cluster.kubectl(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, `--serviceaccount=default:${name}`]);
  }
  const token = async (name: string) => {
    await cluster.kubectl(['create', 'serviceaccount', name]);
    return (await cluster.kubectl(['create', 'token', name])).trim();
  };
  tokens = { metrics: await token('metrics'), all: await token('all'), nothing: await token('nothing') };
  await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/web', '--timeout=120s']);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** Code and body. */
async function ask(method: string, path: string, token?: string): Promise<[number, string]> {
  const login = token === undefined ? [] : ['-H', `Authorization: Bearer ${token}`];
  const answer = await cluster.onNode(NODE, ['curl', '-sk', '--path-as-is', '-X', method, ...login, '-w', '\n%{http_code}', server + path]);
  const end = answer.lastIndexOf('\n');
  return [Number(answer.slice(end + 1)), answer.slice(0, end)];
}

test.each([
  ['/pods', 403],
  ['/runningpods/', 403],
  ['/stats/summary', 403],
  ['/metrics', 200],
  ['/metrics/cadvisor', 200],
  ['/metrics/resource', 200],
  ['/metrics/probes', 200],
  ['/metrics/slis', 200],
  ['/configz', 403],
  ['/healthz', 403],
  ['/containerLogs/default/web/web', 403],
  ['/logs/', 403],
  ['/debug/starts', 403],
])('%s: 401 for strangers, 403 without the right, 200 with it', async (path, forMetrics) => {
  expect((await ask('GET', path))[0]).toBe(401);
  expect((await ask('GET', path, 'wrong'))[0]).toBe(401);
  expect((await ask('GET', path, tokens.nothing))[0]).toBe(403);
  expect((await ask('GET', path, tokens.metrics))[0]).toBe(forMetrics);
  expect((await ask('GET', path, tokens.all))[0]).toBe(200);
});

test.each([
  ['GET', '/healthz', 200, 'ok'],
  ['GET', '/nope', 404, '404 page not found\n'],
  ['GET', '/metrics/nope', 404, '404 page not found\n'],
  ['POST', '/pods', 405, '405: Method Not Allowed'],
  ['GET', '/containerLogs/default/none/web', 404, 'pod "none" does not exist'],
  ['GET', '/containerLogs/default/web/none', 404, 'container "none" not found in pod "web"'],
  ['GET', '/containerLogs/default/web/web?tailLines=x', 400, '{"message": "Unable to decode query."}'],
  ['GET', '/containerLogs/default/web/web?tailLines=-1', 422, '{"message": "Invalid request."}'],
  ['GET', '/exec/default/web/web?command=true&output=1', 500, 'Upgrade request required'],
  ['POST', '/exec/default/web/web?command=true', 400, 'you must specify at least 1 of stdin, stdout, stderr'],
  ['POST', '/attach/default/none/web?output=1', 404, 'pod does not exist'],
  ['POST', '/portForward/default/web', 500, 'Upgrade request required'],
  ['GET', '/stats', 404, '404 page not found\n'],
  ['GET', '/logs/../../etc/passwd', 404, '404 page not found\n'],
  ['GET', '/checkpoint/default/web/web', 405, '405: Method Not Allowed'],
  ['POST', '/checkpoint/default/web/none', 404, 'container none does not exist'],
  [
    'POST',
    '/checkpoint/default/web/web',
    500,
    'checkpointing of default/web/web failed (the container runtime cannot checkpoint containers)',
  ],
  ['GET', '/run/default/web/web?cmd=true', 405, '405: Method Not Allowed'],
  ['POST', '/run/default/web/web?cmd=echo%20a%20b', 200, 'a b\n'],
  ['POST', '/run/default/web/web?cmd=ls%20/none', 500, /^command 'ls \/none' exited with 1: /],
  ['POST', '/run/default/none/web?cmd=true', 404, 'pod does not exist'],
])('%s %s', async (method, path, code, body) => {
  const [seenCode, seenBody] = await ask(method, path, tokens.all);
  expect(seenCode).toBe(code);
  if (typeof body === 'string') expect(seenBody).toBe(body);
  else expect(seenBody).toMatch(body);
});

test('a path that leads to another one than it begins with is none, whatever its beginning allows', async () => {
  for (const path of ['/metrics/../pods', '/metrics/%2e%2e/pods']) expect((await ask('GET', path, tokens.metrics))[0]).toBe(404);
});

test('/configz shows the settings of this node', async () => {
  const [, text] = await ask('GET', '/configz', tokens.all);
  expect(JSON.parse(text).kubeletconfig).toMatchObject({
    kind: 'KubeletConfiguration',
    maxPods: 110,
    containerLogMaxSize: '10Mi',
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '0%' },
    shutdownGracePeriod: '0s',
  });
});
