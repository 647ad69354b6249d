// Pods that misbehave: their status says so in Kubernetes' own words, and a neighbour that is probed every second notices nothing.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerStatus, PodStatus } from '../../api/gen/types/core.v1.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { run } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { namespace, podsOf } from './pods-of.ts';

const image = 'wherry/tools:1';
const NODE = 'node-1';
const TOOLS = join(import.meta.dirname, '../../dist/images/wherry-tools-1.tar');

const shell = (script: string, more: object = {}) => ({ containers: [{ name: 'c', image, command: ['sh', '-c', script], ...more }] });
const probe = { httpGet: { port: 80 }, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1 };

describe('beside a pod that', () => {
  let cluster: Cluster;
  let neighbour: ContainerStatus[] | undefined;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wherry-bad-image-'));
    cluster = await startCluster();
    const probes = { startupProbe: { ...probe, failureThreshold: 60 }, livenessProbe: probe, readinessProbe: probe };
    await create('neighbour', { containers: [{ name: 'c', image: 'wherry/nginx:1', ...probes }] });
    neighbour = (await until('neighbour', 'to be ready', ({ containerStatuses }) => containerStatuses?.[0]?.ready === true))
      .containerStatuses;
  });
  afterEach(async () => {
    expect((await statusOf('neighbour'))?.containerStatuses).toEqual(neighbour);
    expect((await eventsOf('neighbour')).filter(({ message }) => /^(Liveness|Readiness) probe /.test(message ?? ''))).toEqual([]);
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const { create, get, until: podUntil, eventsOf, eventOf } = podsOf(() => cluster, 1);
  const statusOf = async (name: string) => (await get(name)).status;
  const until = async (name: string, what: string, done: (status: PodStatus) => boolean): Promise<PodStatus> =>
    (await podUntil(name, what, ({ status }) => done(status ?? {}))).status ?? {};
  const isRunning = ({ containerStatuses }: PodStatus) => containerStatuses?.[0]?.state?.running !== undefined;
  /** What a container waits for, or the end of its last attempt, of this reason. */
  const says = (reason: string) => (status: PodStatus) => said(status, reason) !== undefined;
  const said = ({ containerStatuses }: PodStatus, reason: string) => {
    const { state, lastState } = containerStatuses?.[0] ?? {};
    return [state?.waiting, state?.terminated, lastState?.terminated].find((one) => one?.reason === reason);
  };

  test('does not hear SIGTERM: it is killed after its grace', async () => {
    // It says so once it does not, and is still there to be looked at after its container has ended.
    await create('deaf', {
      restartPolicy: 'Never',
      activeDeadlineSeconds: 3600,
      ...shell("trap '' TERM; echo deaf; while :; do sleep 1; done", { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } }),
    });
    await waitFor({ what: 'its trap', timeoutMs: 120_000 }, async () => (await cluster.kubectl(['logs', 'deaf'])).includes('deaf'));
    await cluster.client.patch(RESOURCES.pods, 'deaf', 'merge', { spec: { activeDeadlineSeconds: 1 } }, { namespace });
    const status = await until('deaf', 'to have failed', ({ phase }) => phase === 'Failed');
    expect(status).toMatchObject({ reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' });
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
  });

  test('forks 10,000 children', async () => {
    await create('forks', {
      restartPolicy: 'Never',
      ...shell('i=0; while [ $i -lt 10000 ]; do sleep 3600 & i=$((i+1)); done; echo all of $i; wait'),
    });
    await until('forks', 'to run', isRunning);
    await waitFor({ what: 'its children', timeoutMs: 240_000, everyMs: 500 }, async () =>
      (await cluster.kubectl(['logs', 'forks'])).includes('all of 10000'),
    );
    await cluster.kubectl(['delete', 'pod', 'forks', '--wait=false']);
    await waitFor({ what: 'forks gone', timeoutMs: 120_000, everyMs: 500 }, async () =>
      (await cluster.kubectl(['get', 'pods', '-o', 'name'])).includes('pod/forks') ? undefined : true,
    );
  }, 600_000);

  test('writes a line of 200 MB: its log is rotated, and the end of what is left can be read', async () => {
    const line = "head -c 200000000 /dev/zero | tr '\\\\0' x; touch /said";
    await create('talks', shell(`${line}; until [ -e /go ]; do sleep 0.1; done; echo; echo the end; sleep 3600`));
    // The end must not come into a file that is rotated afterwards.
    await waitFor({ what: 'all of it in rotated logs', timeoutMs: 240_000, everyMs: 500 }, async () => {
      await cluster.kubectl(['exec', 'talks', '--', 'test', '-e', '/said']);
      const logs = await cluster.onNode(NODE, ['sh', '-c', 'cd /var/log/pods/default_talks_*/c; ls; find 0.log -size -1024k']);
      return /^0\.log\.\d{8}-\d{6}/m.test(logs) && logs.match(/^0\.log$/gm)?.length === 2;
    });
    await cluster.kubectl(['exec', 'talks', '--', 'touch', '/go']);
    await waitFor(
      { what: 'the end of its log', timeoutMs: 120_000, everyMs: 500 },
      async () => (await cluster.kubectl(['logs', 'talks', '--tail=1'])) === 'the end\n',
    );
    expect((await cluster.kubectl(['logs', 'talks', '--limit-bytes=100'])).length).toBeLessThanOrEqual(100);
    await cluster.kubectl(['delete', 'pod', 'talks', '--timeout=120s']);
  }, 300_000);

  test.each<[name: string, spec: object, message: string]>([
    [
      'fills-volume',
      {
        volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }],
        ...shell('head -c 3000000 /dev/zero > /v/x; sleep 3600', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      },
      'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    ],
    [
      'fills-disk',
      shell('head -c 3000000 /dev/zero > /x; sleep 3600', { resources: { limits: { 'ephemeral-storage': '1Mi' } } }),
      'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ',
    ],
  ])('%s is evicted', async (name, spec, message) => {
    await create(name, spec);
    expect(await until(name, 'to have failed', ({ phase }) => phase === 'Failed')).toMatchObject({ reason: 'Evicted', message });
    expect((await eventOf(name, 'Evicted')).message).toBe(message);
  });

  test('fills a volume in memory: the write fails', async () => {
    await create('fills-memory', {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }],
      ...shell('dd if=/dev/zero of=/v/x bs=1M count=3', {
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      }),
    });
    const { containerStatuses } = await until('fills-memory', 'to have failed', ({ phase }) => phase === 'Failed');
    expect(containerStatuses?.[0]?.state?.terminated?.message).toMatch(/No space left on device/);
  });

  test.each<[name: string, volume: object, message: string]>([
    [
      'no-device',
      { path: '/dev/nothing', type: 'CharDevice' },
      'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /dev/nothing is not a character device',
    ],
    [
      'no-folder',
      { path: '/no/such', type: 'Directory' },
      'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /no/such is not a directory',
    ],
    [
      'none-to-be',
      { path: '/proc/no/such', type: 'DirectoryOrCreate' },
      'MountVolume.SetUp failed for volume "v" : mkdir /proc/no: no such file or directory',
    ],
  ])('%s: the volume that is not there is told by an event', async (name, hostPath, message) => {
    await create(name, { volumes: [{ name: 'v', hostPath }], ...shell('sleep 3600', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }) });
    expect((await eventOf(name, 'FailedMount')).message).toBe(message);
    expect((await statusOf(name))?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
  });

  test('asks for a device that no node has', async () => {
    await create('no-such-device', shell('sleep 3600', { resources: { limits: { 'example.com/gpu': '1' } } }));
    expect((await eventOf('no-such-device', 'FailedScheduling')).message).toMatch(
      /^0\/1 nodes are available: 1 Insufficient example\.com\/gpu\./,
    );
  });

  test('writes where it may only read', async () => {
    const volumeMounts = [{ name: 'v', mountPath: '/v', readOnly: true }];
    await create('reads', {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', hostPath: { path: '/tmp' } }],
      ...shell('mkdir /v/wherry-not-to-be', { terminationMessagePolicy: 'FallbackToLogsOnError', volumeMounts }),
    });
    const { containerStatuses } = await until('reads', 'to have failed', ({ phase }) => phase === 'Failed');
    expect(containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/Read-only file system/),
    });
  });

  test('mounts a part of a volume that cannot be made', async () => {
    await create('no-part', {
      volumes: [{ name: 'v', hostPath: { path: '/proc' } }],
      ...shell('true', { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'no-such' }] }),
    });
    const status = await until('no-part', 'to say so', says('CreateContainerConfigError'));
    const message = 'failed to create subPath directory for volumeMount "v" of container "c"';
    expect(said(status, 'CreateContainerConfigError')?.message).toBe(message);
    expect((await eventOf('no-part', 'Failed')).message).toBe(`Error: ${message}`);
  });

  test.each<[name: string, command: string, message: RegExp]>([
    ['no-program', 'x', /exec: "x": executable file not found in \$PATH: unknown$/],
    ['no-file', '/no/such', /exec: "\/no\/such": stat \/no\/such: no such file or directory: unknown$/],
    ['no-right', '/etc/passwd', /exec: "\/etc\/passwd": permission denied: unknown$/],
  ])('%s: a command that cannot be run', async (name, command, message) => {
    await create(name, { containers: [{ name: 'c', image, command: [command] }] });
    const { containerStatuses } = await until(
      name,
      'to say so',
      (status) => status.containerStatuses?.[0]?.lastState?.terminated !== undefined,
    );
    expect(containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      reason: 'StartError',
      exitCode: 128,
      startedAt: '1970-01-01T00:00:00Z',
      message: expect.stringMatching(message),
    });
    expect(containerStatuses?.[0]?.state?.waiting?.reason).toMatch(/^(RunContainerError|CrashLoopBackOff)$/);
    expect((await eventOf(name, 'Failed')).message).toMatch(message);
  });

  /** wherry/tools under another name, with another configuration. */
  const loadImage = async (tag: string, config: object) => {
    const work = await mkdtemp(join(folder, 'image-'));
    await run('tar', ['-xf', TOOLS, '-C', work]);
    const [manifest] = JSON.parse(await readFile(join(work, 'manifest.json'), 'utf8')) as [{ Config: string; Layers: string[] }];
    const document = JSON.parse(await readFile(join(work, manifest.Config), 'utf8'));
    await writeFile(join(work, 'other.json'), JSON.stringify({ ...document, config: { ...document.config, ...config } }));
    await writeFile(join(work, 'manifest.json'), JSON.stringify([{ ...manifest, Config: 'other.json', RepoTags: [tag] }]));
    const tar = join(folder, 'image.tar');
    await run('tar', ['-cf', tar, '-C', work, 'manifest.json', 'other.json', ...manifest.Layers]);
    await cluster.load(tar);
  };

  test.each<[name: string, config: object, message: RegExp]>([
    ['no-cmd', { Cmd: null }, /no command specified$/],
    ['no-user', { User: 'nobody-knows' }, /unable to find user nobody-knows: no matching entries in passwd file$/],
  ])('%s: its image has such a configuration', async (name, config, message) => {
    await loadImage(`wherry/${name}:1`, config);
    await create(name, { containers: [{ name: 'c', image: `wherry/${name}:1` }] });
    const status = await until(name, 'to say so', says('CreateContainerError'));
    expect(said(status, 'CreateContainerError')?.message).toMatch(message);
    expect((await eventOf(name, 'Failed')).message).toMatch(message);
  });
});
