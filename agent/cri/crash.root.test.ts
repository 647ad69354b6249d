// kill -9 at any moment: the next service knows all that is there, and removing it leaves nothing in the kernel, nor in systemd.
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isSystemdBooted } from '../../kit/dbus/index.ts';
import { exitOf, run, start } from '../../kit/exec/index.ts';
import { type CgroupDriverName, cgroupLayout, cgroups, Netlink, sliceOf } from '../../kit/linux/index.ts';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import { type OwnBed, ownBed } from './bed.fixture.ts';
import { loadTestImages } from './pods.fixture.ts';

const ROUNDS = 8;
/** An emulated machine is a hundred times as slow. */
const PATIENCE_MS = 120_000;
const drivers: CgroupDriverName[] = isSystemdBooted() && cgroupLayout() === 'v2' ? ['cgroupfs', 'systemd'] : ['cgroupfs'];

describe.each(drivers)('groups by %s', (cgroupDriver) => {
  let bed: OwnBed;

  beforeAll(async () => {
    bed = await ownBed({ path: 'runc' }, { cgroupDriver });
    const cri = await bed.open();
    await loadTestImages(cri, bed.folder);
    await cri.close();
  });
  afterAll(async () => await bed?.dispose());

  test('nothing leaks', { timeout: ROUNDS * PATIENCE_MS }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await killedWhileBusy(300 + Math.floor(Math.random() * 400));
      const cri = await bed.open();
      const containers = await cri.listContainers();
      for (const { id, state } of containers) if (state === 'running') await cri.execSync(id, ['true'], 60_000).catch(() => {}); // adopted, or ending just now
      for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
      expect(await cri.listContainers()).toEqual([]);
      await cri.close();
      await bed.expectClean();
      for (const name of ['run/c', 'run/s', 'run/r', 'run/exits', 'state/containers', 'state/sandboxes'])
        expect(readdirOf(name), name).toEqual([]);
      expect(readdirOf('state/cni/pods').filter((name) => name !== 'last-reserved')).toEqual([]);
      expect(cgroups().pids(bed.cgroupParent)).toEqual([]);
      if (cgroupDriver === 'systemd') expect(await unitsLeft(containers.map(({ id }) => id))).toBe('');
      using host = Netlink.open({ netns: bed.node });
      await expect.poll(async () => (await host.links()).filter((l) => l.kind === 'veth').length).toBe(0);
    }
  });

  const readdirOf = (name: string): string[] => (existsSync(`${bed.folder}/${name}`) ? readdirSync(`${bed.folder}/${name}`) : []);

  /** Slices of pods, and the containers' scopes. */
  async function unitsLeft(containers: readonly string[]): Promise<string> {
    const patterns = [sliceOf(`${bed.cgroupParent}/pod`).replace('.slice', '*'), ...containers.map((id) => `cri-containerd-${id}.scope`)];
    return (await run('systemctl', ['list-units', '--all', '--plain', '--no-legend', ...patterns])).stdout;
  }

  async function killedWhileBusy(afterMs: number): Promise<void> {
    const place = [bed.folder, bed.node, bed.cgroupParent, cgroupDriver];
    const child = await start(process.execPath, [`${import.meta.dirname}/crash.fixture.ts`, ...place], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let isReady = false;
    child.stdout?.once('data', () => {
      isReady = true;
    });
    await waitFor({ what: 'the child to be ready', timeoutMs: PATIENCE_MS }, () => isReady);
    await systemClock.sleep(afterMs);
    child.kill('SIGKILL');
    await exitOf(child);
  }
});
