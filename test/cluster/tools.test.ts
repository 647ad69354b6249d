// The tools of a node beside kubectl: wherry ctr, load, save, build and image, as a user types them, with an image store of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testRegistry } from '../../agent/images/hostile-registry.ts';
import { run, tryRun } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

const wherry = join(import.meta.dirname, '../../scripts/wherry');
const TOOLS = 'docker.io/wherry/tools:1';

let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/wherry-tools-`);
  process.env['WHERRY_HOME'] = `${folder}/home`;
  cluster = await startCluster();
  await cluster.kubectl([
    'run',
    'web',
    '--image=wherry/tools:1',
    '--',
    'sh',
    '-c',
    'trap exit TERM; echo out; echo err >&2; sleep 1000 & wait',
  ]);
  await cluster.kubectl(['run', 'ended', '--image=wherry/tools:1', '--restart=Never', '--', 'sh', '-c', 'echo done; exit 3']);
  await cluster.kubectl(['wait', 'pod/web', '--for=condition=Ready', '--timeout=120s']);
  await cluster.kubectl(['wait', 'pod/ended', '--for=jsonpath={.status.phase}=Failed', '--timeout=120s']);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  delete process.env['WHERRY_HOME'];
  if (folder) await rm(folder, { recursive: true, force: true });
});

const call = (args: readonly string[], input?: string) =>
  tryRun(wherry, args, { timeoutMs: 120_000, ...(input === undefined ? {} : { input }) });
const ctr = (...args: string[]) => call(['ctr', '--name', cluster.name, ...args]);
const load = (archive: string) => call(['load', '--name', cluster.name, archive]);
const done = (stdout: string) => ({ exitCode: 0, stderr: '', stdout });
const refused = (message: string | RegExp) => ({ exitCode: 1, stderr: expect.stringMatching(message), stdout: '' });

/** Ctrl-C at a terminal reaches all of the command's processes. Its exit code. */
async function interrupted(args: readonly string[], ready: (told: () => string) => Promise<unknown>): Promise<number> {
  const child = spawn(wherry, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(120_000) });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (told += chunk.toString()));
  try {
    await ready(() => told);
    process.kill(-child.pid!, 'SIGINT');
    const [code] = (await exit.catch(() => expect.unreachable(`${args.join(' ')} goes on: ${told}`))) as [number | null];
    return code ?? -1;
  } finally {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
  }
}
const until = (what: string, probe: () => boolean) => waitFor({ what, timeoutMs: 120_000, everyMs: 50 }, probe);

test('wherry ctr shows what is there', async () => {
  expect((await ctr('ps')).stdout).toMatch(/^CONTAINER +IMAGE .*\n\w{13} +\S*wherry\/tools:1 .* Running +web +0 +\w{13} +web +default\n$/);
  expect((await ctr('ps', '-a')).stdout).toMatch(/ Exited +ended +0 /);
  expect((await ctr('pods')).stdout).toMatch(/ Ready +web +default +0 +\(default\)/);
  expect((await ctr('images')).stdout).toMatch(/docker\.io\/wherry\/tools +1 +\w{13} +\d+(\.\d+)?MB/);
  expect((await ctr('stats')).stdout).toMatch(/^CONTAINER .*\n\w{13} +web +\d+\.\d\d s +\S+B /);
  await waitFor({ what: 'both lines of web', timeoutMs: 120_000, everyMs: 200 }, async () => {
    const { exitCode, stdout, stderr } = await ctr('logs', 'web');
    return exitCode === 0 && stdout === 'out\n' && stderr === 'err\n';
  });
  expect((await ctr('logs', '--timestamps', 'ended/ended')).stdout).toMatch(/^\d{4}-\S+Z done\n$/);
  const inspected = JSON.parse((await ctr('inspect', 'web')).stdout);
  expect(inspected.status).toMatchObject({ metadata: { name: 'web' }, state: 'CONTAINER_RUNNING' });
  expect(await ctr('exec', 'web', '--', 'sh', '-c', 'echo hi; exit 5')).toMatchObject({ exitCode: 5, stdout: 'hi\n' });
  expect(await call(['ctr', '--name', cluster.name, 'exec', '-i', 'web', 'cat'], 'given')).toEqual(done('given'));
});

test('wherry ctr refuses in plain words', async () => {
  expect(await ctr('logs', 'nobody')).toMatchObject(refused('^wherry: nobody: no such container\n$'));
  expect(await ctr('inspect', 'nobody')).toMatchObject(refused('^wherry: nobody: no such container or pod\n$'));
  expect(await ctr('rm', 'nobody')).toMatchObject(refused('^wherry: nobody: no such container or pod\n$'));
  expect(await ctr('exec', '-t', 'web', 'sh')).toMatchObject(refused('standard input is no terminal: leave out -t'));
  expect(await ctr('exec', 'web', '--')).toMatchObject(refused('a command is missing after --'));
  expect(await ctr('exec', 'web', 'nosuch')).toMatchObject(refused('"nosuch": executable file not found'));
  expect(await ctr('logs', '--tail', 'x', 'web')).toMatchObject(refused('expected a number'));
  expect(await ctr('--node', 'node-9', 'ps')).toMatchObject(refused('has no node node-9, it has node-1'));
  expect(await call(['ctr', '--name', 'nobody', 'ps'])).toMatchObject(
    refused(`there is no cluster nobody here: choose --name ${cluster.name} or --socket PATH`),
  );
  expect(await call(['ctr', '--socket', '/no/such.sock', 'ps'])).toMatchObject(refused('at unix:///no/such.sock: the socket is not there'));
  expect(await call(['ctr', '--socket', '/etc/passwd', 'ps'])).toMatchObject(refused('at unix:///etc/passwd: nobody serves the socket'));
});

test('wherry ctr rm and prune: what a pod wants comes back, what has ended goes', async () => {
  const idOf = async () => /^(\w{13}) .* Running +web /m.exec((await ctr('ps')).stdout)?.[1];
  const before = await idOf();
  expect(await ctr('rm', 'web')).toEqual(done('removed web\n'));
  await waitFor({ what: 'the container to be made anew', timeoutMs: 120_000, everyMs: 200 }, async () => {
    const now = await idOf();
    return now !== undefined && now !== before;
  });
  expect((await ctr('prune')).stdout).toMatch(/^\d+ container\(s\) removed\n$/);
  // The sandbox of what ended may be stopped in between.
  await waitFor({ what: 'nothing left to prune', timeoutMs: 120_000, everyMs: 200 }, async () =>
    (await ctr('prune')).stdout.startsWith('0 '),
  );
  expect((await ctr('ps', '-a')).stdout).not.toMatch(/ Exited +ended /);
});

test('Ctrl-C ends a command and nothing else', async () => {
  const follow = ['ctr', '--name', cluster.name, 'logs', '--follow', 'web'];
  expect(await interrupted(follow, (told) => until('the log', () => told().includes('out\n')))).toBe(130);
  const script = 'trap "exit 7" INT; echo begun; while :; do sleep 1; done'; // without a trap, sh may lose the signal as it becomes sleep
  const slow = ['exec', '--name', cluster.name, 'node-1', '--', 'sh', '-c', script];
  expect(await interrupted(slow, (told) => until('the command', () => told().includes('begun')))).toBe(7);
  await using registry = await testRegistry();
  registry.play('/v2/', () => true);
  const pull = ['image', 'pull', `${registry.host}/x`];
  expect(await interrupted(pull, () => until('the pull', () => registry.requests.length > 0))).toBe(130);
  expect((await ctr('ps')).stdout).toMatch(/ Running +web /);
});

test('wherry save and load: both formats, every way in, twice', async () => {
  const id = /docker\.io\/wherry\/tools:1 +(\S+)/.exec((await call(['image', 'ls'])).stdout)?.[1];
  for (const format of ['docker', 'oci']) {
    const file = `${folder}/${format}.tar`;
    expect(await call(['save', TOOLS, '-o', file, '--format', format])).toEqual(done(''));
    mkdirSync(`${folder}/${format}`);
    await run('tar', ['-xf', file, '-C', `${folder}/${format}`]);
  }
  expect(await call(['save', TOOLS, '-o', `${folder}/docker.tar`])).toEqual(done('')); // over the one that is there
  await run('gzip', ['--keep', '--fast', `${folder}/oci.tar`]);
  for (const archive of ['docker.tar', 'docker.tar', 'oci.tar.gz', 'oci'])
    expect(await load(`${folder}/${archive}`)).toEqual(done(`loaded ${TOOLS}\n`));
  const piped = await run('sh', ['-c', `"${wherry}" save ${TOOLS} | "${wherry}" load --name ${cluster.name} -`], { timeoutMs: 120_000 });
  expect(piped.stdout).toBe(`loaded ${TOOLS}\n`);
  expect((await call(['image', 'ls'])).stdout).toContain(id);
  await copyFile(`${folder}/docker.tar`, `${folder}/cut.tar`);
  truncateSync(`${folder}/cut.tar`, 100_000);
  writeFileSync(`${folder}/text`, 'hello');
  expect(await load(`${folder}/cut.tar`)).toMatchObject(refused(/cut\.tar is no image archive: .*Unexpected EOF/));
  expect(await load(`${folder}/text`)).toMatchObject(refused(/text is no image archive/));
  expect(await load(folder)).toMatchObject(refused('has neither manifest.json .* nor index.json'));
  expect(await load('/no/such.tar')).toMatchObject(refused('/no/such.tar: no such file'));
  expect(await call(['load', '--name', cluster.name, '-'], '')).toMatchObject(refused('standard input is no image archive'));
  expect(await call(['save', 'nobody:1', '-o', `${folder}/x.tar`])).toMatchObject(refused('nobody:1: no such image'));
  expect(existsSync(`${folder}/x.tar`)).toBe(false);
});

test('a load that is killed is dropped by the next one', async () => {
  const unfinished = () => readdirSync(`${folder}/home/images/tmp`);
  const child = spawn(wherry, ['load', '--name', cluster.name, '-'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const exit = once(child, 'exit');
  child.stdin.on('error', () => {});
  child.stdin.write(readFileSync(`${folder}/docker.tar`).subarray(0, 1_000_000));
  await until('something half loaded', () => unfinished().length > 0);
  child.kill('SIGKILL');
  await exit;
  expect(unfinished()).not.toEqual([]);
  expect(await load(`${folder}/docker.tar`)).toEqual(done(`loaded ${TOOLS}\n`));
  expect(unfinished()).toEqual([]);
});

test('wherry image: pulled, pulled again, removed, refused', async () => {
  await using registry = await testRegistry();
  writeFileSync(`${folder}/file`, 'of an image that nothing runs');
  await run('tar', ['-cf', `${folder}/layer.tar`, '-C', folder, 'file']);
  const tar = readFileSync(`${folder}/layer.tar`);
  registry.image('x', [{ tar, blob: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar' }]);
  const name = `${registry.host}/x:latest`;
  for (let times = 0; times < 2; times++)
    expect(await call(['image', 'pull', name])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sha256:\w{64}\n$/) });
  expect((await call(['image', 'ls'])).stdout).toContain(name);
  expect(await call(['image', 'rm', TOOLS])).toMatchObject(refused('is in use by a running container'));
  expect(await call(['image', 'rm', name])).toEqual(done(`removed ${name}\n`));
  expect(await call(['image', 'rm', name])).toMatchObject(refused('no such image'));
  expect(await call(['image', 'prune'])).toEqual(done('0 image(s) and 0 further layer(s) removed\n'));
  expect(await call(['image', 'pull', `${registry.host}/y`])).toMatchObject(
    refused(/failed to resolve reference ".*\/y:latest": .*: not found/),
  );
  expect(await call(['image', 'pull', 'a B'])).toMatchObject(refused("couldn't parse image name"));
  expect(await call(['image', 'pull', '127.0.0.1:1/x'])).toMatchObject(refused('dial tcp 127.0.0.1:1: connect: connection refused'));
  expect(await call(['image', 'pull', name, '--creds', 'nobody'])).toMatchObject(refused('expected USER:PASSWORD'));
});

const builds = existsSync('/usr/bin/buildah');
test.skipIf(!builds)(`wherry build${builds ? '' : ' (not installed: /usr/bin/buildah)'}`, async () => {
  const context = `${folder}/context`;
  mkdirSync(context);
  writeFileSync(`${context}/Dockerfile`, 'FROM wherry/tools:1\nARG WORD=none\nRUN echo built $WORD >/word\nCMD ["cat", "/word"]\n');
  writeFileSync(`${context}/Broken`, 'FROM wherry/tools:1\nRUN false\n');
  expect((await call(['build', '-t', 'my/app:1', '--build-arg', 'WORD=here', context])).stdout).toMatch(/built docker\.io\/my\/app:1\n$/);
  await cluster.kubectl(['run', 'built', '--image=my/app:1', '--restart=Never']);
  await cluster.kubectl(['wait', 'pod/built', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=120s']);
  expect(await cluster.kubectl(['logs', 'built'])).toBe('built here\n');
  const broken = await call(['build', '-t', 'my/broken', '-f', `${context}/Broken`, context]);
  expect(broken).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('wherry: buildah failed with exit code 1') });
  expect(await call(['build', '-t', 'my/app', '/no/such'])).toMatchObject(refused('/no/such/Dockerfile: no such file'));
  expect(await call(['build', context])).toMatchObject(refused('-t, --tag <name>'));
  expect((await call(['image', 'ls'])).stdout).not.toContain('my/broken');
});
