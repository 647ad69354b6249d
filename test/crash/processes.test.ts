// The end of processes that are not ours to restart: conmon, the runtime in the middle of its work, and a whole node at once.
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { identify, signalProcess } from '../../kit/exec/index.ts';
import { cgroups } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { agentConfig, nodeState } from './node-state.ts';

const NODE = 'node-1';
const namespace = 'default';

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: 'wherry/tools:1', command: ['sh', '-c', `trap 'exit 0' TERM; sleep infinity & wait`] }],
  },
});

describe.each(['runc', 'crun'] as const)('with %s, kill -9', (runtime) => {
  let cluster: Cluster;
  let config: Record<string, string>;
  let before: string[];

  beforeAll(async () => {
    cluster = await startCluster({ runtime });
    config = await agentConfig(cluster, NODE);
    await create('first');
    await isReady('first');
    await remove('first');
  });
  beforeEach(async () => {
    before = await nodeState(cluster, NODE, config);
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  const create = (name: string) => cluster.client.create<Pod & KubeObject>(RESOURCES.pods, pod(name), { namespace });
  const isReady = (name: string, restarts = 0) =>
    waitFor({ what: `${name} Ready`, timeoutMs: 120_000 }, async () => {
      const found = await cluster.client.get<Pod & KubeObject>(RESOURCES.pods, name, { namespace });
      const isIt = found.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
      return isIt && (found.status?.containerStatuses?.[0]?.restartCount ?? 0) >= restarts && found;
    });
  const remove = async (name: string) => {
    await cluster.client.delete(RESOURCES.pods, name, { namespace });
    await waitFor({ what: `${name} gone`, timeoutMs: 120_000 }, async () => {
      const { items } = await cluster.client.list(RESOURCES.pods, { namespace });
      return items.every(({ metadata }) => metadata.name !== name);
    });
  };
  const nothingIsLeft = async () => {
    let after: string[] = [];
    const isSame = async () => {
      after = await nodeState(cluster, NODE, config);
      return after.join('\n') === before.join('\n');
    };
    await waitFor({ what: 'the node to be as before', timeoutMs: 120_000, everyMs: 100 }, isSame).catch(() => {});
    expect(after).toEqual(before);
  };

  /** Processes of the node whose command line has it. */
  const processes = (pattern: RegExp) =>
    cgroups()
      .pids(config['cgroupParent']!)
      .filter((pid) => pattern.test(commandLine(pid)));

  test('of conmon: the container runs on, and when it ends it is started anew', async () => {
    await create('unwatched');
    const first = await isReady('unwatched');
    const [monitor] = processes(/^conmon .*--cid/);
    killAtOnce(monitor);
    await cluster.kill(NODE);
    await cluster.restart();
    const same = await isReady('unwatched');
    expect(same.status?.containerStatuses).toEqual(first.status?.containerStatuses);
    for (const pid of processes(/^sh -c trap/)) killAtOnce(pid);
    const again = await isReady('unwatched', 1);
    expect(again.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 137 });
    await remove('unwatched');
    await nothingIsLeft();
  });

  test('of the runtime while it creates a container: it is created again', async () => {
    await create('interrupted');
    // Not by its name: crun may run as a sealed copy.
    const caught = await waitFor({ what: `${runtime} create`, timeoutMs: 120_000, everyMs: 1 }, () => processes(/ create --bundle /)[0]);
    killAtOnce(caught);
    await isReady('interrupted');
    await remove('interrupted');
    await nothingIsLeft();
  });

  test('of conmon and the agent while a container is created: it is created again', async () => {
    await create('alone');
    const caught = await waitFor({ what: 'conmon', timeoutMs: 120_000, everyMs: 1 }, () => processes(/conmon /)[0]);
    killAtOnce(caught);
    await cluster.kill(NODE);
    await cluster.restart();
    await isReady('alone');
    await remove('alone');
    await nothingIsLeft();
  });

  test('of a whole node: its pods are as after a reboot', async () => {
    const { uid } = (await create('rebooted')).metadata;
    const first = await isReady('rebooted');
    await cluster.powerOff(NODE);
    await cluster.restart();
    const again = await isReady('rebooted', 1);
    expect(again.metadata.uid).toBe(uid);
    expect(again.status?.containerStatuses?.[0]?.containerID).not.toBe(first.status?.containerStatuses?.[0]?.containerID);
    expect(again.status?.containerStatuses?.[0]?.restartCount).toBe(1);
    await cluster.powerOff(NODE);
    emptyFiles(config['stateDir']!);
    await cluster.restart();
    const third = await isReady('rebooted', 2);
    expect(third.status?.containerStatuses?.[0]?.restartCount).toBe(2);
    await remove('rebooted');
    // A node that was off has other links and rules than before; what a pod leaves would be among these.
    const kinds = /^(file|record|log): |^mount: .*\/(c|s)\//;
    expect((await nodeState(cluster, NODE, config)).filter((line) => kinds.test(line))).toEqual(before.filter((line) => kinds.test(line)));
    expect(readdirSync(`${config['stateDir']}/pods`)).toEqual([]);
  });
});

/** What a disk shows after a power failure: files that were renamed to their names before their content was written. */
function emptyFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) truncateSync(join(entry.parentPath, entry.name));
}

/** One that has ended by itself meanwhile is as good. @throws Error when there was none */
function killAtOnce(pid: number | undefined): void {
  if (pid === undefined) throw new Error('there is no such process');
  const victim = identify(pid);
  if (victim) signalProcess(victim, 'SIGKILL');
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
}
