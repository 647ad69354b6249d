// kill -9 at any moment: the next service knows all that is there, and removing it leaves nothing in the kernel.
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitOf, start } from '../../kit/exec/index.ts';
import { cgroups, Netlink } from '../../kit/linux/index.ts';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import { type OwnBed, ownBed } from './bed.fixture.ts';
import { loadTestImages } from './pods.fixture.ts';

const ROUNDS = 8;
let bed: OwnBed;

beforeAll(async () => {
  bed = await ownBed({ path: 'runc' });
  const cri = await bed.open();
  await loadTestImages(cri, bed.folder);
  await cri.close();
});
afterAll(async () => await bed?.dispose());

test('nothing leaks', { timeout: 300_000 }, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await killedWhileBusy(300 + Math.floor(Math.random() * 400));
    const cri = await bed.open();
    for (const { id, state } of await cri.listContainers())
      if (state === 'running') await cri.execSync(id, ['true'], 60_000).catch(() => {}); // adopted, or ending just now
    for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
    expect(await cri.listContainers()).toEqual([]);
    await cri.close();
    await bed.expectClean();
    for (const name of ['run/c', 'run/s', 'run/r', 'run/exits', 'state/containers', 'state/sandboxes'])
      expect(readdirOf(name), name).toEqual([]);
    expect(readdirOf('state/cni/pods').filter((name) => name !== 'last-reserved')).toEqual([]);
    expect(cgroups().pids(bed.cgroupParent)).toEqual([]);
    using host = Netlink.open({ netns: bed.node });
    await expect.poll(async () => (await host.links()).filter((l) => l.kind === 'veth').length).toBe(0);
  }
});

const readdirOf = (name: string): string[] => (existsSync(`${bed.folder}/${name}`) ? readdirSync(`${bed.folder}/${name}`) : []);

async function killedWhileBusy(afterMs: number): Promise<void> {
  const child = await start(process.execPath, [`${import.meta.dirname}/crash.fixture.ts`, bed.folder, bed.node, bed.cgroupParent], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let isReady = false;
  child.stdout?.once('data', () => {
    isReady = true;
  });
  await waitFor({ what: 'the child to be ready', timeoutMs: 60_000 }, () => isReady);
  await systemClock.sleep(afterMs);
  child.kill('SIGKILL');
  await exitOf(child);
}
