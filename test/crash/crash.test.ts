// kill -9 of every process at any moment: nothing acknowledged is lost, containers run on, nothing is left behind.
import { describe, expect, test } from 'vitest';
import { RESOURCES } from '../../kit/client/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { down, killPart, startCluster, status } from '../../rig/index.ts';

const pod = (name: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  containers: [{ name: web, image: wherry/nginx:1, ports: [{ containerPort: 80 }] }]
`;

describe('kill -9', () => {
  test('of the control plane under writes: every acknowledged write is there, resourceVersions go on', async () => {
    await using cluster = await startCluster();
    const acknowledged: { name: string; resourceVersion: number }[] = [];
    let next = 0;
    const write = async () => {
      while (next < 1000) {
        const name = `w-${next++}`;
        const made = await cluster.client
          .create<any>(
            RESOURCES.configmaps,
            { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { name } },
            { namespace: 'default' },
          )
          .catch(() => undefined);
        if (!made) return; // the server is gone
        acknowledged.push({ name, resourceVersion: Number(made.metadata.resourceVersion) });
        if (acknowledged.length === 300) await cluster.kill('control-plane');
      }
    };
    await Promise.all(Array.from({ length: 8 }, write));
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);
    await cluster.restart();
    const list = await cluster.client.list<any>(RESOURCES.configmaps, { namespace: 'default' });
    const present = new Map(list.items.map((item: any) => [item.metadata.name, Number(item.metadata.resourceVersion)]));
    expect(acknowledged.filter((a) => present.get(a.name) !== a.resourceVersion)).toEqual([]);
    const highest = Math.max(...acknowledged.map((a) => a.resourceVersion));
    const after = await cluster.client.create<any>(
      RESOURCES.configmaps,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'after' } },
      { namespace: 'default' },
    );
    expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(highest);
  });

  test('of an agent: its pods answer throughout, restart counts stay', async () => {
    await using cluster = await startCluster();
    await cluster.kubectl(['apply', '-f', '-'], { input: pod('stays') });
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/stays', '--timeout=120s']);
    const ip = await cluster.kubectl(['get', 'pod', 'stays', '-o', 'jsonpath={.status.podIP}']);
    const before = await cluster.kubectl(['get', 'pod', 'stays', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']);
    const ask = () => cluster.onNode('node-1', ['curl', '-sS', '--max-time', '3', `http://${ip}/`]);
    await cluster.kill('node-1');
    expect(await ask()).toContain('Welcome');
    await cluster.restart();
    expect(await ask()).toContain('Welcome');
    // A pod made now proves that the agent works again; the old one is as it was.
    await cluster.kubectl(['apply', '-f', '-'], { input: pod('new') });
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/new', '--timeout=120s']);
    const after = await cluster.kubectl([
      'get',
      'pod',
      'stays',
      '-o',
      'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}',
    ]);
    expect(after).toBe(`${before} 0`);
  });

  test('of an agent while a pod starts: the pod comes out as if nothing had happened', async () => {
    await using cluster = await startCluster();
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => cluster.kubectl(['apply', '-f', '-'], { input: pod(name) })));
    await cluster.kill('node-1');
    await cluster.restart();
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s']);
    const restarts = await cluster.kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[0].restartCount}']);
    expect(restarts).toBe('0 0 0 0');
    const ips = (await cluster.kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].status.podIP}'])).split(' ');
    expect(new Set(ips).size).toBe(4);
  });

  test('of everything, then down: nothing is left', async () => {
    const cluster = await startCluster({ nodes: 2 });
    await cluster.kubectl(['apply', '-f', '-'], { input: pod('orphan') });
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/orphan', '--timeout=120s']);
    for (const part of await status(cluster.name)) await killPart(cluster.name, part.part);
    await cluster.client.close();
    expect(await down(cluster.name)).toBe(true);
    expect(await down(cluster.name)).toBe(false); // what is left in the kernel is looked at after the whole run, by scripts/test
  });

  test('a node that is powered off and on again runs its pods again', async () => {
    await using cluster = await startCluster({ nodes: 2 });
    await cluster.kubectl(['create', 'deployment', 'web', '--image=wherry/nginx:1', '--replicas=2']);
    await cluster.kubectl(['wait', '--for=condition=Available', 'deployment/web', '--timeout=120s']);
    await cluster.powerOff('node-2');
    await cluster.restart();
    await waitFor({ what: 'both pods to answer', timeoutMs: 120_000, everyMs: 200 }, async () => {
      const ips = (await cluster.kubectl(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}'])).split(' ');
      for (const ip of ips) await cluster.onNode('node-1', ['curl', '-sS', '--max-time', '2', `http://${ip}/`]);
      return ips.length === 2;
    });
  });
});
