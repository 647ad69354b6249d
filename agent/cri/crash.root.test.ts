// kill -9 at any moment: the next service knows all that is there, and removing it leaves nothing in the kernel.
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitOf, start } from '../../kit/exec/index.ts';
import { cgroups, createNamedNetns, homeFirst, mountsBelow, Netlink, removeTree, unpinNamespace } from '../../kit/linux/index.ts';
import { silentLogger, systemClock, waitFor } from '../../kit/run/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import { createCri } from './index.ts';

const ROUNDS = 8;
const folder = mkdtempSync(`${tmpdir()}/wherry-crash-`);
const node = `${folder}/node`;
const cgroupParent = `/wherry-test-crash-${process.pid}`;
const open = () =>
  createCri({
    stateDir: `${folder}/state`,
    runDir: `${folder}/run`,
    imagesDir: `${folder}/images`,
    runtime: { path: 'runc' },
    cgroupParent,
    cni: { bridge: 'wherry0', subnet: '10.244.9.0/24', nodeNetns: node },
    log: silentLogger,
  });

beforeAll(async () => {
  await homeFirst();
  createNamedNetns(node);
  const cri = await open();
  await cri.loadImage(await busyboxArchive(folder, 'wherry/test:1'));
  await cri.close();
});
afterAll(async () => {
  unpinNamespace(node);
  await cgroups().remove(cgroupParent);
  await removeTree(folder);
});

test('nothing leaks', { timeout: 120_000 }, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await killedWhileBusy(300 + Math.floor(Math.random() * 400));
    const cri = await open();
    for (const { id, state } of await cri.listContainers())
      if (state === 'running') await cri.execSync(id, ['true'], 5_000).catch(() => {}); // adopted, or ending just now
    for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
    expect(await cri.listContainers()).toEqual([]);
    await cri.close();
    expect(mountsBelow(`${folder}/run`)).toEqual([]);
    for (const name of ['run/c', 'run/s', 'run/r', 'run/exits', 'state/containers', 'state/sandboxes'])
      expect(readdirOf(name), name).toEqual([]);
    expect(readdirOf('state/cni/pods').filter((name) => name !== 'last-reserved')).toEqual([]);
    expect(cgroups().pids(cgroupParent)).toEqual([]);
    using host = Netlink.open({ netns: node });
    await expect.poll(async () => (await host.links()).filter((l) => l.kind === 'veth').length, { timeout: 5_000 }).toBe(0);
  }
});

const readdirOf = (name: string): string[] => (existsSync(`${folder}/${name}`) ? readdirSync(`${folder}/${name}`) : []);

async function killedWhileBusy(afterMs: number): Promise<void> {
  const child = await start(process.execPath, [`${import.meta.dirname}/crash.fixture.ts`, folder, node, cgroupParent], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let isReady = false;
  child.stdout?.once('data', () => {
    isReady = true;
  });
  await waitFor({ what: 'the child to be ready', timeoutMs: 20_000 }, () => isReady);
  await systemClock.sleep(afterMs);
  child.kill('SIGKILL');
  await exitOf(child);
}
