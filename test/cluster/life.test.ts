// Life of clusters through the command's own functions: twice, side by side, in use, gone.
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { clusterNames, down, startCluster, summary, up } from '../../rig/index.ts';

describe('clusters', () => {
  test('up twice is safe, two live side by side, down takes one only', async () => {
    await using a = await startCluster();
    await using b = await startCluster({ nodes: 2, serviceCIDR: '10.96.0.0/16', podCIDR: '10.200.0.0/16' });
    await (await up({ name: a.name })).close();
    await a.kubectl(['create', 'configmap', 'only-in-a']);
    expect((await b.tryKubectl(['get', 'configmap', 'only-in-a'])).exitCode).toBe(1);
    expect(await b.kubectl(['get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}'])).toBe('10.96.0.1');
    expect(await b.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].spec.podCIDR}'])).toMatch(/^10\.200\.\d\.0\/24 10\.200\.\d\.0\/24$/);
    expect(await summary(b.name)).toMatchObject({ status: 'running', nodes: 2, nodesUp: 2 });
    await down(b.name);
    expect(await clusterNames()).not.toContain(b.name);
    expect(await a.kubectl(['get', 'configmap', 'only-in-a', '-o', 'name'])).toBe('configmap/only-in-a\n');
  });

  test('a port in use is told before anything is made', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    await expect(up({ name: 'port-in-use', port })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use: choose another with --port`);
    expect(await clusterNames()).not.toContain('port-in-use');
    server.close();
  });
});
