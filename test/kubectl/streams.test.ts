// exec, attach, port-forward, cp and proxy as kubectl does them, over WebSocket and over SPDY.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster, status } from '../../rig/index.ts';
import { kubectls } from './programs.ts';

const SCRIPT = `mkdir -p /www; echo served > /www/index.html; head -c 64000000 /dev/zero > /www/big; httpd -p 8080 -h /www
trap 'exit 0' TERM; while true; do echo tick; sleep 0.2; done`;
const BIG_BYTES = 64_000_000;

let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubectl-streams-'));
  cluster = await startCluster();
  await cluster.kubectl(['run', 'main', '--image=wherry/tools:1', '--command', '--', 'sh', '-c', SCRIPT]);
  await cluster.kubectl(['run', 'shell', '--image=wherry/tools:1', '-i', '-t', '--attach=false', '--command', '--', 'sh']);
  await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/main', 'pod/shell', '--timeout=120s']);
  await waitFor({ what: 'the page of the pod', timeoutMs: 120_000, everyMs: 100 }, async () => {
    const { exitCode } = await cluster.tryKubectl(['exec', 'main', '--', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/']);
    return exitCode === 0;
  });
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true });
});

/** A kubectl that goes on until `stop`. */
function start(program: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(program, args, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (told = (told + chunk).slice(-10_000)));
  const ended = once(child, 'close');
  return {
    child,
    ended,
    told: (pattern: RegExp) =>
      waitFor({ what: `${pattern} of kubectl ${args.join(' ')}, which said ${told}`, timeoutMs: 120_000, everyMs: 20 }, async () =>
        pattern.test(told),
      ),
    match: (pattern: RegExp) => pattern.exec(told),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function get(port: number, path: string): Promise<string> {
  const call = request({ host: '127.0.0.1', port, path, agent: false });
  call.end();
  const [response] = (await once(call, 'response')) as [Readable];
  return text(response);
}

const ways = kubectls().flatMap(({ name, program }) =>
  // Only these know both; the older ones speak SPDY alone.
  (/1\.(29|30)$/.test(name) ? ['false'] : ['true', 'false']).map((webSockets) => ({
    way: `${name}, ${webSockets === 'true' ? 'WebSocket' : 'SPDY'}`,
    program,
    env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets },
  })),
);

describe.each(ways)('$way', ({ program, env }) => {
  test('exec: input, outputs, exit code', async () => {
    const session = start(program, ['exec', '-i', 'main', '--', 'sh', '-c', 'cat; echo problem >&2; exit 3'], env);
    session.child.stdin.end('given\n');
    const [code] = await session.ended;
    expect(code).toBe(3);
    expect(session.match(/given\n/)).toBeTruthy();
    expect(session.match(/problem\n[\s\S]*command terminated with exit code 3/)).toBeTruthy();
  });

  test('exec: a program that is not there', async () => {
    const session = start(program, ['exec', 'main', '--', 'no-such-program'], env);
    expect((await session.ended)[0]).not.toBe(0);
    expect(session.match(/executable file not found in \$PATH|no such file/)).toBeTruthy();
  });

  test('port-forward: many connections at once, and a port where nobody listens', async () => {
    await using forward = start(program, ['port-forward', 'pod/main', ':8080', ':9'], env);
    await forward.told(/-> 9\b/);
    const [open, closed] = [8080, 9].map((port) => Number(forward.match(new RegExp(`127.0.0.1:(\\d+) -> ${port}\\b`))?.[1]));
    const pages = await Promise.all(Array.from({ length: 20 }, () => get(open!, '/index.html')));
    expect(new Set(pages)).toEqual(new Set(['served\n']));
    await expect(get(closed!, '/')).rejects.toThrow();
    await forward.told(/connection refused/);
  });
});

const [reference] = ways;

test('bytes go both ways unharmed, also when the reader is slow', async () => {
  const back = join(folder, 'back');
  const session = start(reference!.program, ['exec', '-i', 'main', '--', 'cat']);
  const written = pipeline(session.child.stdout, createWriteStream(back));
  const chunk = Buffer.alloc(1 << 20, 'wherry');
  await pipeline(Readable.from(Array.from({ length: 64 }, () => chunk)), session.child.stdin);
  await written;
  expect((await session.ended)[0]).toBe(0);
  expect((await stat(back)).size).toBe(64 << 20);
  expect((await readFile(back)).subarray(63 << 20).equals(chunk)).toBe(true);
});

test('a reader that stops reading holds the process up, not the memory', async () => {
  const agent = async () => Number.parseFloat((await status(cluster.name)).find(({ part }) => part === 'node-1')!.memory);
  const before = await agent();
  const child = spawn(reference!.program, ['exec', 'main', '--', 'sh', '-c', 'cat /dev/zero & echo $! >/tmp/writer; wait'], {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    let [seen, last] = [0n, -1n];
    // The process has written what the pipes between take, and then no more.
    await waitFor({ what: 'the writer to stand still', timeoutMs: 120_000, everyMs: 500 }, async () => {
      last = seen;
      const io = (await cluster.tryKubectl(['exec', 'main', '--', 'sh', '-c', 'cat /proc/$(cat /tmp/writer)/io'])).stdout;
      seen = BigInt(/^wchar: (\d+)/m.exec(io)?.[1] ?? 0);
      return seen > 0n && seen === last;
    });
    expect(Number(seen)).toBeLessThan(64 << 20);
    expect((await agent()) - before).toBeLessThan(64); // MB
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  await waitFor(
    { what: 'the writer to end with its client', timeoutMs: 120_000, everyMs: 200 },
    async () => (await cluster.tryKubectl(['exec', 'main', '--', 'sh', '-c', 'kill -0 $(cat /tmp/writer)'])).exitCode !== 0,
  );
});

test('a client that goes away takes its process with it', async () => {
  const session = start(reference!.program, ['exec', '-i', 'main', '--', 'sh', '-c', 'echo $$ >/tmp/mine; echo there; sleep 10000']);
  await session.told(/there/);
  session.child.kill('SIGKILL');
  await session.ended;
  await waitFor(
    { what: 'the process to go', timeoutMs: 120_000, everyMs: 200 },
    async () => (await cluster.tryKubectl(['exec', 'main', '--', 'sh', '-c', 'kill -0 $(cat /tmp/mine)'])).exitCode !== 0,
  );
});

test('attach to a terminal: what is typed is done, and leaving leaves the pod', async () => {
  const script = `kubectl attach -it shell`;
  const terminal = start('script', ['-qfec', script, '/dev/null']);
  await terminal.told(/press(ing)? enter|# /);
  terminal.child.stdin.write('echo $((6*7)) && stty size\n');
  await terminal.told(/\b42\b/);
  terminal.child.kill('SIGKILL');
  await terminal.ended;
  expect(await cluster.kubectl(['get', 'pod', 'shell', '-o', 'jsonpath={.status.phase}/{.status.containerStatuses[0].restartCount}'])).toBe(
    'Running/0',
  );
});

test('logs -f ends with its pod', async () => {
  await cluster.kubectl([
    'run',
    'brief',
    '--image=wherry/tools:1',
    '--restart=Never',
    '--command',
    '--',
    'sh',
    '-c',
    'echo a; sleep 1; echo b',
  ]);
  await cluster.kubectl(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/brief', '--timeout=120s']);
  expect(await cluster.kubectl(['logs', '-f', 'brief'])).toBe('a\nb\n');
});

test('cp of a folder there and back', async () => {
  await cluster.kubectl(['cp', import.meta.dirname, 'main:/tmp/there']);
  await cluster.kubectl(['cp', 'main:/tmp/there', join(folder, 'there')]);
  expect(await readFile(join(folder, 'there/streams.test.ts'), 'utf8')).toBe(await readFile(import.meta.filename, 'utf8'));
});

test('proxy: the API, a pod, a big answer', async () => {
  await using proxy = start(reference!.program, ['proxy', '--port=0']);
  await proxy.told(/Starting to serve on/);
  const port = Number(proxy.match(/127\.0\.0\.1:(\d+)/)?.[1]);
  expect(JSON.parse(await get(port, '/api/v1/namespaces/default')).metadata.name).toBe('default');
  const pod = '/api/v1/namespaces/default/pods/main:8080/proxy';
  expect(await get(port, `${pod}/index.html`)).toBe('served\n');
  expect((await get(port, `${pod}/big`)).length).toBe(BIG_BYTES);
});
