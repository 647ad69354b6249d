// Netlink, namespaces, mounts and cgroups against the real kernel, in namespaces and groups of this test's own.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../exec/index.ts';
import { thaw, whileFrozen } from './freezer.ts';
import {
  bindMount,
  cgroups,
  createNamedNetns,
  homeFirst,
  inNamespace,
  isMounted,
  isPinned,
  mountsBelow,
  mountTmpfs,
  Netlink,
  namespaceId,
  pinNamespace,
  readSysctl,
  removeTree,
  sethostname,
  unpinNamespace,
  writeSysctl,
} from './index.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-linux-`);
const left = `${folder}/left`;
const right = `${folder}/right`;

beforeAll(async () => {
  await homeFirst();
  createNamedNetns(left);
  createNamedNetns(right);
});
afterAll(async () => {
  unpinNamespace(left);
  unpinNamespace(right);
  await removeTree(folder);
});

describe('namespaces', () => {
  test('a pinned namespace is another one, and this thread is back home', () => {
    const home = namespaceId('/proc/thread-self/ns/net');
    expect(isPinned(left)).toBe(true);
    expect(namespaceId(left)).not.toBe(home);
    expect(createNamedNetns(left)).toBe(false);
    expect(namespaceId('/proc/thread-self/ns/net')).toBe(home);
  });

  test('a UTS namespace keeps its own host name', () => {
    const path = `${folder}/uts`;
    pinNamespace('uts', path, () => sethostname('web-0'));
    expect(inNamespace('uts', path, () => readFileSync('/proc/sys/kernel/hostname', 'utf8').trim())).toBe('web-0');
    expect(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()).not.toBe('web-0');
    unpinNamespace(path);
    unpinNamespace(path);
    expect(isPinned(path)).toBe(false);
  });

  test('the thread pool stays home', async () => {
    createNamedNetns(`${folder}/third`);
    const before = readSysctl('net.ipv4.ip_forward');
    writeSysctl('net.ipv4.ip_forward', 1, `${folder}/third`);
    expect(readSysctl('net.ipv4.ip_forward', `${folder}/third`)).toBe('1');
    expect(readSysctl('net.ipv4.ip_forward')).toBe(before);
    unpinNamespace(`${folder}/third`);
  });
});

describe('netlink', () => {
  test('a veth pair across namespaces carries packets through a bridge', async () => {
    using l = Netlink.open({ netns: left });
    using r = Netlink.open({ netns: right });
    await l.setLink('lo', { up: true });
    await l.createBridge('br0', { up: true, mtu: 1400 });
    await l.addAddress('br0', '10.99.0.1/24');
    await l.createVeth('vleft', { up: true, master: 'br0', mtu: 1400, peer: { name: 'eth0', netns: right, mac: '02:00:0a:63:00:02' } });
    await l.setLink('vleft', { hairpin: true });
    await r.addAddress('eth0', '10.99.0.2/24');
    await r.setLink('eth0', { up: true });
    await r.replaceRoute({ gateway: '10.99.0.1', link: 'eth0' });
    await r.replaceRoute({ gateway: '10.99.0.1', link: 'eth0' });
    const eth0 = await r.link('eth0');
    expect(eth0).toMatchObject({ kind: 'veth', up: true, mtu: 1400, mac: '02:00:0a:63:00:02' });
    expect((await l.link('vleft'))?.master).toBe((await l.link('br0'))?.index);
    expect(await r.routes()).toContainEqual({ destination: '0.0.0.0/0', gateway: '10.99.0.1', linkIndex: eth0?.index });
    expect((await r.addresses('eth0')).map((a) => a.cidr)).toContain('10.99.0.2/24');
    const ping = await run('nsenter', [`--net=${right}`, 'ping', '-c1', '-W2', '10.99.0.1']).catch(() => undefined);
    if (ping) expect(ping.stdout).toContain('1 received');
    await l.deleteLink('vleft');
    await l.deleteLink('vleft');
    expect(await r.link('eth0')).toBeUndefined();
  });

  test('errors carry the code', async () => {
    using l = Netlink.open({ netns: left });
    await l.createBridge('br9');
    await expect(l.createBridge('br9')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(l.setLink('nosuch', { up: true })).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(l.replaceRoute({ destination: '10.1.0.0/16', gateway: '192.0.2.1' })).rejects.toMatchObject({ code: 'ENETUNREACH' });
  });

  test('vxlan with forwarding entries, routes and neighbours; moving a link', async () => {
    using l = Netlink.open({ netns: left });
    using r = Netlink.open({ netns: right });
    await l.createVxlan('vx1', { vni: 7, local: '10.99.1.1', up: true, mtu: 1450, mac: '02:00:00:00:00:07' });
    expect(await l.link('vx1')).toMatchObject({ kind: 'vxlan', mtu: 1450 });
    await l.replaceNeighbour('vx1', { bridge: true, mac: '02:00:00:00:00:08', address: '10.99.1.2' });
    await l.replaceNeighbour('vx1', { mac: '02:00:00:00:00:08', address: '10.244.1.0' });
    await l.replaceRoute({ destination: '10.244.1.0/24', gateway: '10.244.1.0', link: 'vx1', onlink: true });
    expect((await l.routes()).map((x) => x.destination)).toContain('10.244.1.0/24');
    await l.deleteRoute({ destination: '10.244.1.0/24', gateway: '10.244.1.0', link: 'vx1' });
    await l.deleteRoute({ destination: '10.244.1.0/24', gateway: '10.244.1.0', link: 'vx1' });
    await l.deleteNeighbour('vx1', { bridge: true, mac: '02:00:00:00:00:08', address: '10.99.1.2' });
    await l.createVeth('va', { peer: { name: 'vb' } });
    await l.setLink('vb', { netns: right });
    await r.setLink('vb', { name: 'eth7', up: true });
    expect((await r.link('eth7'))?.up).toBe(true);
  });
});

describe('mounts', () => {
  test('a read-only bind mount is seen, protects, and goes with its folder while the source stays', async () => {
    const source = mkdtempSync(`${folder}/source-`);
    writeFileSync(`${source}/kept`, 'x');
    const parent = mkdtempSync(`${folder}/parent-`);
    mkdirSync(`${parent}/bind`);
    bindMount(source, `${parent}/bind`, { readonly: true });
    expect(mountsBelow(folder).map((m) => m.target)).toContain(`${parent}/bind`);
    expect([isMounted(`${parent}/bind`), isMounted(parent), isMounted(`${parent}/none`)]).toEqual([true, false, false]);
    expect(() => writeFileSync(`${parent}/bind/kept`, 'y')).toThrow(/EROFS/);
    await removeTree(parent);
    expect(existsSync(parent)).toBe(false);
    expect(readFileSync(`${source}/kept`, 'utf8')).toBe('x');
  });

  test.each([0, 1000])('a folder with %i files and mounts on one another in it goes without what is mounted', async (files) => {
    const [source, parent] = [`${folder}/source-${files}`, `${folder}/parent-${files}`];
    for (const path of [source, `${parent}/deep/one`, `${parent}/deep/many`]) mkdirSync(path, { recursive: true });
    for (let i = 0; i < files; i++) writeFileSync(`${parent}/deep/many/${i}`, '');
    writeFileSync(`${source}/kept`, 'x');
    writeFileSync(`${parent}/deep/file`, '');
    mountTmpfs(`${parent}/deep/one`);
    bindMount(source, `${parent}/deep/one`);
    bindMount(`${source}/kept`, `${parent}/deep/file`);
    bindMount(source, `${parent}/deep`);
    symlinkSync(source, `${folder}/link`);
    await removeTree(`${folder}/link`);
    await removeTree(parent);
    expect(existsSync(parent)).toBe(false);
    expect(mountsBelow(parent)).toEqual([]);
    expect(readFileSync(`${source}/kept`, 'utf8')).toBe('x');
  });
});

describe('cgroups', () => {
  test('limits are kept, processes found and killed, everything removed', async () => {
    const groups = cgroups();
    const path = `/wherry-test-${process.pid}`;
    groups.create(`${path}/pod/inner`);
    groups.apply(`${path}/pod`, { memoryBytes: 64 << 20, pids: 50, cpuShares: 100, cpuQuota: 50_000 });
    const child = run('sh', ['-c', `echo $$ > ${groups.folder('pids', `${path}/pod/inner`)}/cgroup.procs; exec sleep 30`]).catch(
      () => undefined,
    );
    await expect.poll(() => groups.pids(path).length).toBe(1);
    expect(groups.stats(`${path}/pod`).pids).toBe(1);
    expect(groups.children('')).toContain(path.slice(1));
    expect(groups.children(path)).toEqual(['pod']);
    await groups.remove(path);
    await groups.remove(path);
    expect(groups.exists(path)).toBe(false);
    expect(groups.children(path)).toEqual([]);
    await child;
  });

  test.skipIf(!cgroups().has('freezer'))(
    'what runs in a group of v1 is held for a moment, also by somebody who was killed then',
    async () => {
      const path = `/wherry-test-frozen-${process.pid}`;
      const group = `${cgroups().folder('freezer', path)}`;
      mkdirSync(group);
      const state = () => readFileSync(`${group}/freezer.state`, 'utf8').trim();
      const child = run('sh', ['-c', `echo $$ > ${group}/cgroup.procs; exec sleep 30`]).catch(() => undefined);
      try {
        await expect.poll(() => cgroups().pids(path).length).toBe(1);
        const seen = await whileFrozen(path, async () => {
          thaw(path); // of others only
          return state();
        });
        expect(seen).toMatch(/^(FROZEN|FREEZING)$/); // a busy machine may take its time
        expect(state()).toBe('THAWED');
        await expect(whileFrozen(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
        expect(state()).toBe('THAWED');
        writeFileSync(`${group}/freezer.state`, 'FROZEN');
      } finally {
        thaw(path);
        await cgroups().remove(path);
        await child;
      }
      expect(await whileFrozen(path, async () => 'nothing is held')).toBe('nothing is held');
    },
  );
});
