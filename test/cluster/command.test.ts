// The wherry command as a user types it: its outputs, its refusals, its exit codes.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, tryRun } from '../../kit/exec/index.ts';

const wherry = join(import.meta.dirname, '../../scripts/wherry');
const name = 'test-command';
const call = (...args: string[]) => tryRun(wherry, args, { timeoutMs: 120_000 });

describe('wherry', () => {
  beforeAll(async () => {
    await call('down', '--name', name);
  });
  afterAll(async () => {
    await call('down', '--name', name);
  });

  test('a life: up, list, status, kubeconfig, images, load, exec, kill, up again, down', async () => {
    const up = await call('up', '--name', name, '--service-cidr', '10.77.0.0/16', '--pod-cidr', '10.78.0.0/16', '--runtime', 'crun');
    expect(up.stderr).toMatch(/✓ ready \(\d+ ms\)/);
    expect(up.stdout).toMatch(new RegExp(`cluster ${name} is ready: 1 node\\(s\\), API at https://127.0.0.1:\\d+\nexport KUBECONFIG=`));
    const kubeconfig = /export KUBECONFIG=(\S+)/.exec(up.stdout)![1]!;
    const kubectl = async (...args: string[]) =>
      (await run('kubectl', args, { env: { KUBECONFIG: kubeconfig }, timeoutMs: 120_000 })).stdout;
    expect(await kubectl('get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}')).toBe('10.77.0.1');
    expect(await kubectl('get', 'node', 'node-1', '-o', 'jsonpath={.spec.podCIDR}')).toBe('10.78.0.0/24');
    expect((await call('list')).stdout).toMatch(new RegExp(`${name} +running +1/1 +https://127`));
    expect((await call('status', '--name', name)).stdout).toMatch(/control-plane +\d+ +running/);
    expect((await call('kubeconfig', '--name', name)).stdout).toMatch(/^apiVersion: v1\nkind: Config/);
    expect((await call('images', '--name', name)).stdout).toContain('docker.io/wherry/tools:1');
    const archive = join(import.meta.dirname, '../../dist/images/wherry-tools-1.tar');
    expect((await call('load', archive, '--name', name)).stdout).toContain('loaded docker.io/wherry/tools:1');
    expect((await call('exec', '--name', name, 'node-1', 'hostname')).stdout).toBe('node-1\n');
    expect((await call('exec', '--name', name, 'node-1', '--', 'sh', '-c', 'exit 3')).exitCode).toBe(3);
    await kubectl('run', 'p', '--image=wherry/tools:1', '--', 'sleep', '1000');
    await kubectl('wait', '--for=condition=Ready', 'pod/p', '--timeout=120s');
    expect((await call('kill', 'control-plane', '--name', name)).stdout).toBe('control-plane killed\n');
    expect(await call('status', '--name', name)).toMatchObject({ exitCode: 1 });
    expect((await call('up', '--name', name)).exitCode).toBe(0);
    expect(await kubectl('get', 'pod', 'p', '--no-headers')).toMatch(/Running +0 /);
    expect((await call('down', '--name', name)).stdout).toBe(`cluster ${name} is gone\n`);
    expect((await call('down', '--name', name)).stdout).toBe(`there is no cluster ${name}\n`);
  });

  test.each([
    [['up', '--name', 'Bad_Name'], /wherry: name "Bad_Name": expected 1 to 32 characters/],
    [['up', '--name', 'x', '--service-cidr', '10.0.0.0'], /wherry: --service-cidr: 10.0.0.0 is not an IPv4 range/],
    [['up', '--nodes', '0'], /expected a number from 1 to 100/],
    [['up', '--runtime', 'docker'], /runtime: must be runc, crun, the path of an OCI runtime, .* is "docker"/],
    [['up', '--image', '/no/such.tar', '--name', 'x'], /wherry: --image \/no\/such.tar: no such file/],
    [['status', '--name', 'nobody'], /wherry: there is no cluster nobody: wherry up --name nobody/],
    [['load', '/no/such.tar', '--name', 'nobody'], /wherry: there is no cluster nobody/],
    [['fly'], /unknown command 'fly'/],
  ])('%j is refused in plain words', async (args, message) => {
    const result = await call(...args);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(message);
    expect((await call('list')).stdout).not.toMatch(/^x /m);
  });
});
