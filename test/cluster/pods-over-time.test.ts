// What must hold over a pod's life, whatever happens to its log file and to its agent.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerStatus } from '../../api/gen/types/core.v1.ts';
import { run } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { type PodObject, podsOf } from './pods-of.ts';

const image = 'wherry/tools:1';
const NODE = 'node-1';

describe('a pod over time', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  const pods = podsOf(() => cluster);
  const create = (name: string, restartPolicy: string, script: string) =>
    pods.create(name, { restartPolicy, containers: [{ name: 'c', image, command: ['sh', '-c', script] }] });
  const until = async (name: string, what: string, done: (container: ContainerStatus) => boolean): Promise<ContainerStatus> => {
    const first = ({ status }: PodObject) => status?.containerStatuses?.[0];
    const pod = await pods.until(name, what, (seen) => {
      const container = first(seen);
      return container !== undefined && done(container);
    });
    return first(pod)!;
  };

  test('its log can be followed across a rotation: no line is lost or told twice', async () => {
    const pad = 'x'.repeat(100);
    const lines = (from: number, to: number) => `awk 'BEGIN { for (i = ${from}; i < ${to}; i++) print i, "${pad}" }'`;
    await create(
      'talks',
      'Never',
      `${lines(0, 120_000)}; while [ ! -e /tmp/go ]; do sleep 0.2; done; ${lines(120_000, 121_000)}`, // the first part alone is rotated
    );
    await until('talks', 'to run', ({ state }) => state?.running !== undefined);
    const check = `kubectl logs -f talks | awk '$1 != n { odd++ } { n = $1 + 1 } END { print n, odd + 0 }'`;
    const followed = run('sh', ['-c', check], { env: { KUBECONFIG: cluster.kubeconfig }, timeoutMs: 290_000 });
    followed.catch(() => {}); // seen below
    await waitFor({ what: 'a rotated log', timeoutMs: 120_000, everyMs: 200 }, async () =>
      /^0\.log\.\d{8}-\d{6}/m.test(await cluster.onNode(NODE, ['sh', '-c', 'ls /var/log/pods/default_talks_*/c'])),
    );
    await cluster.kubectl(['exec', 'talks', '--', 'touch', '/tmp/go']);
    expect((await followed).stdout).toBe('121000 0\n');
  });

  test('its back-off outlives the agent: as long as before, and longer the next time', async () => {
    const { metadata } = await create('crashes', 'Always', 'exit 1');
    const waits = (seconds: number) => {
      const message = `back-off ${seconds}s restarting failed container=c pod=crashes_default(${metadata.uid})`;
      return (container: ContainerStatus) =>
        container.state?.waiting?.reason === 'CrashLoopBackOff' && container.state.waiting.message === message;
    };
    const before = await until('crashes', 'to wait for 20 s', waits(20));
    await cluster.kill(NODE);
    await cluster.restart();
    // Where the restart itself takes as long it has begun again by now.
    const isLater = ({ restartCount }: ContainerStatus) => restartCount > before.restartCount;
    const after = await until('crashes', 'to wait as before', (container) => waits(20)(container) || isLater(container));
    if (!isLater(after)) expect(after).toEqual(before);
    const next = await until('crashes', 'to wait for 40 s', waits(40));
    expect(next.restartCount).toBe(before.restartCount + 1);
    const [endedMs, startedMs] = [before.lastState?.terminated?.finishedAt, next.lastState?.terminated?.startedAt].map((text) =>
      Date.parse(text ?? ''),
    );
    // Times are told in whole seconds.
    expect((startedMs ?? 0) - (endedMs ?? 0)).toBeGreaterThanOrEqual(19_000);
  });
});
