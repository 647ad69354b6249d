// The whole program behind its socket, as crictl and kubelets use it: calls, streams, events, errors' codes, and what must not kill it.
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { tryRun } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { ImageStore, importArchive } from '../images/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import { CriProgram } from './client.fixture.ts';

let program: CriProgram;
let pods = 0;
const runtime = (method: string, message?: object) => program.call('RuntimeService', method, message);

beforeAll(async () => {
  program = await CriProgram.make();
  await importArchive(await ImageStore.open(program.imagesDir), await busyboxArchive(program.folder, 'wherry/test:1'));
  await program.start();
});
afterEach(async () => {
  for (const { id } of (await runtime('ListPodSandbox')).items) await runtime('RemovePodSandbox', { podSandboxId: id });
});
afterAll(() => program.dispose());

async function runPod(change: object = {}): Promise<{ pod: string; config: object }> {
  const n = pods++;
  const metadata = { name: `pod-${n}`, namespace: 'default', uid: `uid-${n}` };
  const config = { metadata, hostname: `pod-${n}`, logDirectory: `${program.folder}/logs/${n}`, linux: {}, ...change };
  return { pod: (await runtime('RunPodSandbox', { config })).podSandboxId, config };
}

async function runContainer(pod: string, command: string[], change: object = {}): Promise<string> {
  const config = { metadata: { name: 'main' }, image: { image: 'wherry/test:1' }, command, logPath: 'main.log', linux: {}, ...change };
  const { containerId } = await runtime('CreateContainer', { podSandboxId: pod, config });
  await runtime('StartContainer', { containerId });
  return containerId;
}

const output = async (containerId: string, ...cmd: string[]) => {
  const { stdout, stderr, exitCode } = await runtime('ExecSync', { containerId, cmd, timeout: 10 });
  return { stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString(), exitCode };
};

const rejects = (code: status, details: string | RegExp) => ({ code, details: expect.stringMatching(details) });

test('a life: run, create, start, look, stop, remove, and its events', async () => {
  const { seen } = await program.events((events) => events.length === 4);
  const { pod } = await runPod({ labels: { app: 'web' } });
  const id = await runContainer(pod, ['sleep', '1000']);
  expect(
    (await runtime('ListContainers', { filter: { podSandboxId: pod.slice(0, 12), state: { state: 'CONTAINER_RUNNING' } } })).containers,
  ).toHaveLength(1);
  expect((await runtime('ListPodSandbox', { filter: { labelSelector: { app: 'other' } } })).items).toEqual([]);
  expect((await runtime('ListPodSandbox', { filter: { labelSelector: { app: 'web' } } })).items).toMatchObject([{ id: pod }]);
  await runtime('StopContainer', { containerId: id.slice(0, 13), timeout: 0 });
  expect((await runtime('ContainerStatus', { containerId: id })).status).toMatchObject({
    state: 'CONTAINER_EXITED',
    exitCode: 137,
    reason: 'Error',
  });
  await runtime('RemoveContainer', { containerId: id });
  expect((await seen).map((event) => [event.containerId, event.containerEventType])).toEqual(
    ['CREATED', 'STARTED', 'STOPPED', 'DELETED'].map((what) => [id, `CONTAINER_${what}_EVENT`]),
  );
});

test('commands: at once, over the URL, and killed with their deadline', async () => {
  const { pod } = await runPod();
  const id = await runContainer(pod, ['sleep', '1000']);
  expect(await output(id, 'sh', '-c', 'echo out; echo err >&2; exit 3')).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 3 });
  const { url } = await runtime('Exec', {
    containerId: id,
    cmd: ['sh', '-c', 'cat; echo err >&2; exit 4'],
    stdin: true,
    stdout: true,
    stderr: true,
  });
  const { stdout, stderr, status: end } = await program.stream(url, 'hello');
  expect({ stdout, stderr }).toEqual({ stdout: 'hello', stderr: 'err\n' });
  expect(JSON.parse(end)).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ message: '4' }] } });
  await expect(program.stream(url)).rejects.toThrow('404'); // a URL works once
  await expect(runtime('ExecSync', { containerId: id, cmd: ['sleep', '4321'], timeout: 1 })).rejects.toMatchObject(
    rejects(status.DEADLINE_EXCEEDED, 'timeout 1s exceeded'),
  );
  await waitFor({ what: 'the end of the command', timeoutMs: 60_000 }, async () => !(await output(id, 'ps')).stdout.includes('4321'));
});

test('host ports lead to the pod, over a kill -9 too, and end with it', async () => {
  const { pod } = await runPod({ portMappings: [{ containerPort: 80, hostPort: 8080 }] });
  const id = await runContainer(pod, ['sh', '-c', 'mkdir /www; echo from the pod >/www/index.html; exec httpd -f -p 80 -h /www']);
  const answer = () => waitFor({ what: 'the page', timeoutMs: 60_000 }, () => program.get(8080).catch(() => undefined));
  expect(await answer()).toBe('from the pod\n');
  await program.kill('SIGKILL');
  expect(existsSync(program.socket)).toBe(true);
  await program.start(); // takes the dead socket over
  expect(await answer()).toBe('from the pod\n');
  expect((await runtime('ContainerStatus', { containerId: id })).status.state).toBe('CONTAINER_RUNNING');
  await runtime('StopPodSandbox', { podSandboxId: pod });
  await expect(program.get(8080)).rejects.toThrow('ECONNREFUSED');
  expect(await program.inNode('iptables-save', '-t', 'nat')).not.toContain('--dport 8080');
});

test('seccomp: the default profile, one from a file, none; masked paths', async () => {
  const { pod } = await runPod();
  const seccompOf = async (name: string, securityContext: object) => {
    const id = await runContainer(pod, ['sleep', '1000'], { metadata: { name }, linux: { securityContext } });
    return { id, mode: /^Seccomp:\s+(\d)/m.exec((await output(id, 'cat', '/proc/self/status')).stdout)?.[1] };
  };
  const standard = await seccompOf('default', { seccomp: {}, maskedPaths: ['/etc'] });
  expect(standard.mode).toBe('2');
  expect(await output(standard.id, 'unshare', '-m', 'true')).toMatchObject({ stderr: expect.stringContaining('Operation not permitted') });
  expect((await output(standard.id, 'ls', '/etc')).stdout).toBe('');
  expect((await seccompOf('unconfined', { seccomp: { profileType: 'Unconfined' } })).mode).toBe('0');
  expect((await seccompOf('privileged', { privileged: true, seccomp: {} })).mode).toBe('0');
  await expect(seccompOf('missing', { seccomp: { profileType: 'Localhost', localhostRef: '/no/such.json' } })).rejects.toMatchObject(
    rejects(status.UNKNOWN, 'cannot load seccomp profile "/no/such.json"'),
  );
});

test('an image as a volume: read-only, all of it or a folder', async () => {
  const { pod } = await runPod();
  const image = { image: 'wherry/test:1' };
  const id = await runContainer(pod, ['sleep', '1000'], {
    mounts: [
      { containerPath: '/all', readonly: true, image },
      { containerPath: '/part', readonly: true, image, imageSubPath: 'bin' },
    ],
  });
  expect((await output(id, '/all/bin/busybox', 'ls', '/part/busybox')).stdout).toBe('/part/busybox\n');
  expect((await output(id, 'touch', '/all/x')).stderr).toContain('Read-only file system');
  const mounts = (await runtime('ContainerStatus', { containerId: id })).status.mounts;
  expect(mounts[0].image.imageRef).toMatch(/^sha256:/);
  await expect(
    runContainer(pod, ['true'], { metadata: { name: 'b' }, mounts: [{ containerPath: '/x', readonly: true, image, imageSubPath: 'no' }] }),
  ).rejects.toMatchObject(rejects(status.UNKNOWN, 'has no path "no"'));
});

test('logs: a new file as soon as the old one was moved away', async () => {
  const { pod } = await runPod();
  const id = await runContainer(pod, ['sh', '-c', 'echo one; sleep 1000']);
  const { logPath } = (await runtime('ContainerStatus', { containerId: id })).status;
  await waitFor({ what: 'the line', timeoutMs: 60_000 }, () => readFileSync(logPath, 'utf8').includes('stdout F one'));
  renameSync(logPath, `${logPath}.1`);
  await runtime('ReopenContainerLog', { containerId: id });
  expect(readFileSync(logPath, 'utf8')).toBe('');
});

test('metrics have the labels that their descriptors name', async () => {
  const { pod } = await runPod();
  await runContainer(pod, ['sleep', '1000']);
  const { descriptors } = await runtime('ListMetricDescriptors');
  const { podMetrics } = await runtime('ListPodSandboxMetrics');
  const labels = new Map<string, string[]>(descriptors.map((d: { name: string; labelKeys: string[] }) => [d.name, d.labelKeys]));
  const metrics = [...podMetrics[0].metrics, ...podMetrics[0].containerMetrics[0].metrics];
  expect(metrics.length).toBeGreaterThan(35);
  for (const { name, labelValues } of metrics) expect([name, labelValues.length]).toEqual([name, labels.get(name)?.length]);
});

test.each<[string, object, ReturnType<typeof rejects>]>([
  ['ContainerStatus', { containerId: 'nosuch' }, rejects(status.NOT_FOUND, 'not found')],
  ['PodSandboxStatus', { podSandboxId: 'nosuch' }, rejects(status.NOT_FOUND, 'not found')],
  ['ContainerStatus', { containerId: '' }, rejects(status.INVALID_ARGUMENT, 'an id must be given')],
  ['RunPodSandbox', { config: {} }, rejects(status.INVALID_ARGUMENT, 'must include metadata')],
  [
    'RunPodSandbox',
    { config: { metadata: { name: 'p' }, portMappings: [{ containerPort: 80, hostPort: 70_000 }] } },
    rejects(status.INVALID_ARGUMENT, 'ports go from'),
  ],
  ['ExecSync', { containerId: 'nosuch', cmd: ['true'] }, rejects(status.NOT_FOUND, 'not found')],
  ['CheckpointContainer', { containerId: 'nosuch' }, rejects(status.UNIMPLEMENTED, 'does not checkpoint')],
])('%s %j is answered with its code', async (method, message, error) => {
  await expect(runtime(method, message)).rejects.toMatchObject(error);
});

test.each(['StopContainer', 'RemoveContainer'])('%s of what is not there succeeds', (method) => runtime(method, { containerId: 'nosuch' }));
test.each(['StopPodSandbox', 'RemovePodSandbox'])('%s of what is not there succeeds', (method) =>
  runtime(method, { podSandboxId: 'nosuch' }),
);

test('garbage on the socket, bytes that are no message, and messages too long harm nobody', async () => {
  const raw = connect(program.socket);
  raw.on('error', () => {});
  raw.resume();
  const closed = new Promise((resolve) => raw.once('close', resolve));
  raw.end(Buffer.alloc(100_000, 'garbage '));
  await closed;
  await expect(program.callBytes('/runtime.v1.RuntimeService/RunPodSandbox', Buffer.alloc(64, 0xff))).rejects.toMatchObject({
    code: status.INTERNAL,
  });
  await expect(program.callBytes('/runtime.v1.RuntimeService/Version', Buffer.alloc(17 << 20))).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
  await expect(program.callBytes('/runtime.v1.RuntimeService/NoSuchCall', Buffer.alloc(0))).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
  });
  expect(await runtime('Version')).toMatchObject({ runtimeName: 'wherry', runtimeApiVersion: 'v1' });
});

test('a socket that is served is not taken over', async () => {
  const { stdout, failure } = await tryRun(process.execPath, [
    `${import.meta.dirname}/../cri-main.ts`,
    JSON.stringify({
      socket: program.socket,
      stateDir: `${program.folder}/s2`,
      runDir: `${program.folder}/r2`,
      bridge: 'w2',
      podCIDR: '10.244.7.0/24',
    }),
  ]);
  expect(failure).toBeDefined();
  expect(`${stdout}${failure?.message}`).toContain(`${program.socket} is served by another process`);
  expect(await runtime('Version')).toMatchObject({ runtimeName: 'wherry' });
});
