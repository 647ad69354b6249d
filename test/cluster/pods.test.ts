// Pods as their node runs them: resized while they run, started over as a whole, looked into, and refused in Kubernetes' own words.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { type Cluster, killPart, startCluster, up } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';
import { namespace, type PodObject, podsOf } from './pods-of.ts';

const image = 'wherry/tools:1';

describe('pods', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  const { create, until, eventOf: event } = podsOf(() => cluster);
  const running = (name: string) => until(name, 'to run', ({ status }) => status?.containerStatuses?.every(({ ready }) => ready) === true);
  const inside = async (name: string, ...command: string[]) => (await cluster.kubectl(['exec', name, '--', ...command])).trim();
  const condition = (pod: PodObject, type: string) => pod.status?.conditions?.find((one) => one.type === type);
  const resize = (name: string, ...containers: object[]) =>
    cluster.client.patch<PodObject>(RESOURCES.pods, name, 'strategic', { spec: { containers } }, { namespace, subresource: 'resize' });

  /** The limit as the container sees it, on either version of cgroups. */
  const memoryLimit = (name: string) =>
    inside(name, 'sh', '-c', 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes');

  test('a resize changes what the kernel allows without a restart, also over the death of the agent', async () => {
    const resources = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '100m', memory: '64Mi' } };
    await create('grows', { containers: [{ name: 'c', image, command: ['sleep', '1000'], resources }] });
    await running('grows');
    await resize('grows', { name: 'c', resources: { requests: { memory: '48Mi' }, limits: { memory: '128Mi' } } });
    await event('grows', 'ResizeCompleted');
    expect(await memoryLimit('grows')).toBe(String(128 << 20));
    await killPart(cluster.name, 'node-1');
    await resize('grows', { name: 'c', resources: { requests: { memory: '64Mi' }, limits: { memory: '160Mi' } } });
    await (await up({ name: cluster.name })).close();
    const grown = await until(
      'grows',
      'to have grown',
      ({ status }) => status?.containerStatuses?.[0]?.resources?.limits?.['memory'] === '160Mi',
    );
    expect(await memoryLimit('grows')).toBe(String(160 << 20));
    expect(grown.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, allocatedResources: { cpu: '50m', memory: '64Mi' } });
  });

  test('a container that restarts for memory does so for a request too, which the kernel is not told', async () => {
    const resources = { requests: { memory: '32Mi' }, limits: { memory: '64Mi' } };
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    await create('anew', {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image, command: ['sleep', '1000'], resources, resizePolicy }],
    });
    await running('anew');
    await resize('anew', { name: 'c', resources: { requests: { memory: '48Mi' } } });
    await until('anew', 'to run anew with its new request', ({ status }) => {
      const { restartCount, ready, resources: now } = status?.containerStatuses?.[0] ?? {};
      return restartCount === 1 && ready === true && now?.requests?.['memory'] === '48Mi';
    });
    expect(await inside('anew', 'echo', 'a'.repeat(20_000))).toHaveLength(20_000); // a command may be long
  });

  test('a resize waits until its neighbours leave room', async () => {
    const node = (await cluster.client.list<KubeObject>(RESOURCES.nodes)).items[0]!;
    const cpus = Number(node['status'].allocatable.cpu);
    const asking = (cpu: number) => ({ requests: { cpu: `${Math.round(cpu * 1000)}m` } });
    const sleeper = (cpu: number) => ({ containers: [{ name: 'c', image, command: ['sleep', '1000'], resources: asking(cpu) }] });
    await create('waits', sleeper(cpus * 0.2));
    await create('neighbour', sleeper(cpus * 0.4));
    await Promise.all([running('waits'), running('neighbour')]);
    await resize('waits', { name: 'c', resources: asking(cpus * 0.7) });
    const waiting = await until('waits', 'to wait', (pod) => condition(pod, 'PodResizePending') !== undefined);
    expect(condition(waiting, 'PodResizePending')).toMatchObject({
      status: 'True',
      reason: 'Deferred',
      message: expect.stringContaining("Node didn't have enough resource: cpu, requested: "),
    });
    await cluster.kubectl(['delete', 'pod', 'neighbour', '--now']);
    const resized = await until('waits', 'to be resized', (pod) => condition(pod, 'PodResizePending') === undefined);
    expect(resized.status?.containerStatuses?.[0]?.restartCount).toBe(0);
    await cluster.kubectl(['delete', 'pod', 'waits', '--now']);
  });

  test('one exit starts the whole pod over', async () => {
    const mounted = { image, volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    const once = 'if [ -e /v/again ]; then exit 0; fi; while [ ! -e /v/b ]; do sleep 0.05; done; touch /v/again; exit 42';
    await create('over', {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [{ name: 'i', ...mounted, command: ['sh', '-c', 'echo x >>/v/inits'] }],
      containers: [
        {
          name: 'a',
          ...mounted,
          command: ['sh', '-c', once],
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
        },
        {
          name: 'b',
          ...mounted,
          command: ['sh', '-c', 'if [ -e /v/b ]; then wc -l </v/inits >/dev/termination-log; exit 0; fi; touch /v/b; sleep 600'],
        },
      ],
    });
    const { status } = await until('over', 'to succeed', (pod) => pod.status?.phase === 'Succeeded');
    expect(status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([1, 1]);
    expect(status?.containerStatuses?.[1]?.state?.terminated?.message?.trim()).toBe('2');
    expect(status?.conditions?.find(({ type }) => type === 'AllContainersRestarting')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
  });

  test('an ephemeral container sees the processes of its target', async () => {
    await create('target', { containers: [{ name: 'c', image, command: ['sleep', '12345'] }] });
    await running('target');
    const ephemeralContainers = [
      { name: 'e', image, command: ['sh', '-c', 'cat /proc/1/cmdline | tr "\\\\0" " " >/dev/termination-log'], targetContainerName: 'c' },
    ];
    await cluster.client.patch(
      RESOURCES.pods,
      'target',
      'strategic',
      { spec: { ephemeralContainers } },
      { namespace, subresource: 'ephemeralcontainers' },
    );
    const { status } = await until(
      'target',
      'to have been looked at',
      (pod) => pod.status?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined,
    );
    expect(status?.ephemeralContainerStatuses?.[0]?.state?.terminated?.message).toContain('sleep 12345');
  });

  test('a sysctl that this node does not allow is told by an event', async () => {
    const securityContext = { sysctls: [{ name: 'kernel.msgmax', value: '1' }] };
    await create('sysctl', { securityContext, containers: [{ name: 'c', image, command: ['true'] }] });
    expect((await event('sysctl', 'SysctlForbidden')).message).toContain('forbidden sysctl: "kernel.msgmax" not allowlisted');
  });

  test('pods with users of their own: root is another on the machine for each, and owns what root owns; also over the death of the agent', async () => {
    const container = {
      name: 'c',
      image,
      command: ['sh', '-c', 'touch /data/mine; while [ ! -e /tmp/end ]; do sleep 0.1; done'],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    };
    const spec = {
      hostUsers: false,
      securityContext: { fsGroup: 2000 },
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [container],
    };
    const names = ['users-1', 'users-2'];
    await Promise.all(names.map((name) => create(name, spec)));
    const [{ metadata }] = await Promise.all([running('users-1'), running('users-2')]);
    const firstIds = async () => {
      const maps = await Promise.all(names.map((name) => inside(name, 'cat', '/proc/self/uid_map')));
      return maps.map((map) => /^0 +(\d+) +65536$/.exec(map)?.[1]);
    };
    const before = await firstIds();
    expect(before.map((id) => Number(id) % 65_536)).toEqual([0, 0]);
    expect(new Set(before).size).toBe(2);
    const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
    const seen = await inside('users-1', 'stat', '-L', '-c', '%u:%g', '/', '/etc/hosts', token, '/data', '/data/mine');
    expect(seen.split('\n')).toEqual(['0:0', '0:0', '0:2000', '0:2000', '0:2000']);
    const { stateDir = '' } = await agentConfig(cluster, 'node-1');
    const onDisk = `${stateDir}/pods/${metadata.uid}/volumes/data/mine`;
    expect(await cluster.onNode('node-1', ['stat', '-c', '%u:%g', onDisk])).toBe('0:2000\n');
    await killPart(cluster.name, 'node-1');
    await (await up({ name: cluster.name })).close();
    expect(await firstIds()).toEqual(before);
    await inside('users-1', 'touch', '/tmp/end');
    const again = await until(
      'users-1',
      'to run again',
      ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && status.containerStatuses[0].ready,
    );
    expect(again.metadata.uid).toBe(metadata.uid);
    expect(await firstIds()).toEqual(before);
  });

  test('a container that is not fit to run says why, and its neighbour runs on', async () => {
    await create('calm', { containers: [{ name: 'c', image, command: ['sleep', '1000'] }] });
    const { status: before } = await running('calm');
    const cases: [name: string, container: object, reason: string, message: RegExp][] = [
      ['no-command', { command: ['/no/such'] }, 'RunContainerError', /no such file or directory/],
      [
        'no-key',
        { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'kube-root-ca.crt', key: 'no' } } }] },
        'CreateContainerConfigError',
        /couldn't find key no in ConfigMap default\/kube-root-ca.crt/,
      ],
      [
        'no-profile',
        { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'no.json' } } },
        'CreateContainerError',
        /cannot load seccomp profile/,
      ],
    ];
    for (const [name, container] of cases) await create(name, { containers: [{ name: 'c', image, command: ['true'], ...container }] });
    for (const [name, , reason, message] of cases) {
      const { status } = await until(name, `to say ${reason}`, ({ status }) => {
        const [container] = status?.containerStatuses ?? [];
        return [container?.state?.waiting?.reason, container?.state?.terminated?.reason, container?.lastState?.terminated?.reason].some(
          (text) => text === reason || text === 'StartError',
        );
      });
      expect(JSON.stringify(status?.containerStatuses)).toMatch(message);
    }
    await create('forks', {
      containers: [
        {
          name: 'c',
          image,
          command: ['sh', '-c', 'i=0; while [ $i -lt 2000 ]; do sleep 1000 & i=$((i+1)); done; touch /tmp/done; wait'],
          readinessProbe: { exec: { command: ['test', '-e', '/tmp/done'] }, periodSeconds: 1, timeoutSeconds: 5 },
        },
      ],
    });
    await running('forks');
    await create('talks', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'c',
          image,
          command: ['sh', '-c', 'head -c 50000000 /dev/zero | tr "\\\\0" x; echo; exit 3'],
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
    });
    const talked = await until('talks', 'to end', ({ status }) => status?.phase === 'Failed');
    expect(talked.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/^x+\n?$/),
    });
    await cluster.kubectl(['delete', 'pod', 'forks', 'talks', '--now']);
    const { status: after } = await running('calm');
    expect(after?.containerStatuses).toEqual(before?.containerStatuses);
  });
});
