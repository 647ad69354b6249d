// The bridge plugin inside a namespace that plays the node, with namespaces that play pods; and the executable.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, tryRun } from '../kit/exec/index.ts';
import { createNamedNetns, homeFirst, Netlink, readSysctl, removeTree, unpinNamespace, writeSysctl } from '../kit/linux/index.ts';
import { BridgePlugin, hostVethName } from './bridge.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-cni-`);
const node = `${folder}/node`;
const pods = ['a', 'b', 'c'].map((name) => ({ containerId: name, netnsPath: `${folder}/pod-${name}`, ifName: 'eth0' }));
const network = { name: 'pods', bridge: 'wherry0', subnet: '10.244.7.0/24', stateDir: `${folder}/ipam`, mtu: 1450 };

const open = () => new BridgePlugin({ ...network, nodeNetns: node });

beforeAll(async () => {
  await homeFirst();
  createNamedNetns(node);
  for (const pod of pods) createNamedNetns(pod.netnsPath);
});
afterAll(async () => {
  for (const path of [node, ...pods.map((p) => p.netnsPath)]) unpinNamespace(path);
  await removeTree(folder);
});

describe('the executable', () => {
  const call = (command: string, env: Record<string, string> = {}, config: object = {}) =>
    tryRun('nsenter', [`--net=${node}`, process.execPath, `${import.meta.dirname}/main.ts`], {
      env: { PATH: process.env['PATH'] ?? '', CNI_COMMAND: command, ...env },
      input: JSON.stringify({
        cniVersion: '1.1.0',
        name: 'exec',
        type: 'wherry',
        bridge: 'wherry1',
        ipam: { subnet: '10.244.8.0/24', dataDir: `${folder}/ipam` },
        ...config,
      }),
    });

  test('answers VERSION, ADD, CHECK, DEL twice, STATUS, GC', async () => {
    expect(JSON.parse((await call('VERSION')).stdout).supportedVersions).toContain('1.1.0');
    const env = { CNI_CONTAINERID: 'x', CNI_NETNS: pods[2]!.netnsPath, CNI_IFNAME: 'net1' };
    const added = JSON.parse((await call('ADD', env)).stdout);
    expect(added).toMatchObject({ cniVersion: '1.1.0', ips: [{ address: '10.244.8.2/24', gateway: '10.244.8.1', interface: 2 }] });
    expect((await call('CHECK', env)).exitCode).toBe(0);
    expect((await call('DEL', env)).exitCode).toBe(0);
    expect((await call('DEL', env)).exitCode).toBe(0);
    expect((await call('STATUS')).exitCode).toBe(0);
    expect((await call('GC', {}, { 'cni.dev/valid-attachments': [] })).exitCode).toBe(0);
    expect(JSON.parse((await call('CHECK', env)).stdout)).toMatchObject({ code: 100 });
  });

  test.each([
    ['NOSUCH', {}, {}, 4],
    ['ADD', {}, {}, 4],
    ['ADD', { CNI_CONTAINERID: '../x', CNI_NETNS: '/x', CNI_IFNAME: 'eth0' }, {}, 4],
    ['ADD', {}, { cniVersion: '9.9.9' }, 1],
    ['ADD', {}, { name: '' }, 7],
  ])('%s %j %j fails with code %i', async (command, env, config, code) => {
    const { stdout, exitCode } = await call(command, env as Record<string, string>, config);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code, cniVersion: '1.1.0' });
  });
});

describe('the library', () => {
  test('pods reach each other and the bridge; del frees all, also without a namespace', async () => {
    writeSysctl('net.ipv4.ip_forward', 0, node);
    using plugin = open();
    const results = await Promise.all(pods.map((pod) => plugin.add(pod)));
    expect(results.map((r) => r.ips[0]?.address)).toEqual(['10.244.7.2/24', '10.244.7.3/24', '10.244.7.4/24']);
    for (const pod of pods) await plugin.check(pod);
    expect(readSysctl('net.ipv4.ip_forward', node)).toBe('1');
    expect((await plugin.add(pods[0]!)).ips[0]?.address).toBe('10.244.7.2/24'); // again after a crash
    using inPod = Netlink.open({ netns: pods[0]!.netnsPath });
    expect((await inPod.routes()).map((r) => r.gateway)).toContain('10.244.7.1');
    await reach(pods[0]!.netnsPath, '10.244.7.3');
    await reach(pods[0]!.netnsPath, '10.244.7.1');

    using host = Netlink.open({ netns: node });
    unpinNamespace(pods[2]!.netnsPath);
    await plugin.del(pods[2]!);
    await plugin.gc([pods[0]!]);
    const names = (await host.links()).map((l) => l.name);
    expect(names).toContain(hostVethName(pods[0]!));
    expect(names).not.toContain(hostVethName(pods[1]!));
    expect(plugin.addressOf(pods[1]!)).toBeUndefined();
    await plugin.del(pods[0]!);
  });

  test('masquerade rules are put in once', async () => {
    const script = `import { ensureMasquerade } from '${import.meta.dirname}/index.ts';
      await ensureMasquerade('10.244.7.0/24', '10.244.0.0/16'); await ensureMasquerade('10.244.7.0/24', '10.244.0.0/16');`;
    await run('nsenter', [`--net=${node}`, process.execPath, '--input-type=module', '-e', script]);
    const { stdout } = await run('nsenter', [`--net=${node}`, 'iptables', '-t', 'nat', '-S']);
    expect(stdout.match(/-A POSTROUTING/g)).toHaveLength(1);
    expect(stdout.match(/-A WHERRY-POSTROUTING/g)).toHaveLength(2);
  });
});

/** Without ping in the system: a TCP connect that is refused has reached the host. */
async function reach(netns: string, address: string): Promise<void> {
  const script = `require('net').connect(9, '${address}').on('error', (e) => process.exit(e.code === 'ECONNREFUSED' ? 0 : 1)); setTimeout(() => process.exit(2), 3000)`;
  await run('nsenter', [`--net=${netns}`, process.execPath, '-e', script]);
}
