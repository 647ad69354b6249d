// What only our own service promises, beyond the contract: recovery from a lost monitor and from lost records.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../kit/exec/index.ts';
import { cgroups, createNamedNetns, homeFirst, mountsBelow, Netlink, removeTree, unpinNamespace } from '../../kit/linux/index.ts';
import { silentLogger, waitFor } from '../../kit/run/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import { type ContainerConfig, type Cri, type CriEvent, createCri, type PodSandboxConfig } from './index.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-cri-`);
const node = `${folder}/node`;
const cgroupParent = `/wherry-test-cri-${process.pid}`;
const runtime = (process.env['WHERRY_TEST_RUNTIME'] ?? 'runc') as 'runc' | 'crun';
let cri: Cri;
let pods = 0;

const open = () =>
  createCri({
    stateDir: `${folder}/state`,
    runDir: `${folder}/run`,
    imagesDir: `${folder}/images`,
    runtime: { path: runtime },
    cgroupParent,
    cni: { bridge: 'wherry0', subnet: '10.244.9.0/24', nodeNetns: node },
    log: silentLogger,
  });

beforeAll(async () => {
  await homeFirst();
  createNamedNetns(node);
  cri = await open();
  await cri.loadImage(await busyboxArchive(folder, 'wherry/test:1'));
  await cri.loadImage(
    await busyboxArchive(folder, 'wherry/web:1', { User: 'web', WorkingDir: '/tmp', Entrypoint: ['sh', '-c'], Cmd: ['id'] }),
  );
});
afterEach(async () => {
  for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
  expect(mountsBelow(`${folder}/run`)).toEqual([]);
  expect((await cri.listContainers()).length).toBe(0);
});
afterAll(async () => {
  await cri.close();
  unpinNamespace(node);
  await cgroups().remove(cgroupParent);
  await removeTree(folder);
});

const sandbox = (change: Partial<PodSandboxConfig> = {}): PodSandboxConfig => {
  const n = pods++;
  return {
    metadata: { name: `pod-${n}`, namespace: 'default', uid: `uid-${n}`, attempt: 0 },
    hostname: `pod-${n}`,
    logDirectory: `${folder}/logs/uid-${n}`,
    ...change,
  };
};
const container = (script: string, change: Partial<ContainerConfig> = {}): ContainerConfig => ({
  metadata: { name: 'main', attempt: 0 },
  image: 'wherry/test:1',
  command: ['sh', '-c', script],
  logPath: 'main/0.log',
  ...change,
});

async function started(script: string, change: Partial<ContainerConfig> = {}, pod: Partial<PodSandboxConfig> = {}) {
  const sandboxId = await cri.runPodSandbox(sandbox(pod));
  const id = await cri.createContainer(sandboxId, container(script, change));
  await cri.startContainer(id);
  return { sandboxId, id };
}
async function ended(id: string) {
  return await waitFor({ what: 'the exit', timeoutMs: 10_000, everyMs: 5 }, async () => {
    const status = await cri.containerStatus(id);
    return status.state === 'exited' && status;
  });
}
const sleeping = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

describe('recovery', () => {
  test('a new service finds containers running, ended meanwhile, and lost with their monitor', async () => {
    const running = await started(sleeping);
    const ending = await started('while [ ! -e /tmp/end ]; do sleep 0.02; done; exit 5');
    const orphan = await started(sleeping);
    const address = (await cri.podSandboxStatus(running.sandboxId)).ips;
    await cri.execSync(running.id, ['touch', '/tmp/mark'], 5_000);
    await cri.close();
    await run('nsenter', ['--target', String(pidOf(ending.id)), '--mount', '--root', '/bin/touch', '/tmp/end']);
    process.kill(Number(readFileSync(`${folder}/run/c/${orphan.id}/conmon.pid`, 'utf8')), 'SIGKILL');

    cri = await open();
    expect(await cri.containerStatus(running.id)).toMatchObject({ state: 'running' });
    expect((await cri.execSync(running.id, ['ls', '/tmp'], 5_000)).stdout.toString()).toBe('mark\n');
    expect((await cri.podSandboxStatus(running.sandboxId)).ips).toEqual(address);
    expect(await ended(ending.id)).toMatchObject({ exitCode: 5 });
    expect(await cri.containerStatus(orphan.id)).toMatchObject({ state: 'running' });
    process.kill(pidOf(orphan.id), 'SIGKILL');
    expect(await ended(orphan.id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });

  test('leftovers without a record go: containers, pins, addresses', async () => {
    const { sandboxId, id } = await started(sleeping);
    const pid = pidOf(id);
    await cri.close();
    removeRecords(sandboxId, id);
    cri = await open();
    expect(await cri.listPodSandbox()).toEqual([]);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    using host = Netlink.open({ netns: node });
    await expect.poll(async () => (await host.links()).filter((l) => l.kind === 'veth')).toEqual([]);
  });

  test('events tell of start and end', async () => {
    const stop = new AbortController();
    const seen: CriEvent[] = [];
    const reading = (async () => {
      for await (const event of cri.events(stop.signal)) seen.push(event);
    })();
    const { id } = await started('exit 0');
    await expect.poll(() => seen.map((e) => e.type)).toEqual(['created', 'started', 'exited']);
    expect(seen.every((e) => e.containerId === id)).toBe(true);
    expect(await ended(id)).toMatchObject({ exitCode: 0, reason: 'Completed' });
    stop.abort();
    await reading;
  });
});

test('time from sandbox to a running container', async () => {
  const times: number[] = [];
  for (let n = 0; n < 10; n++) {
    const before = performance.now();
    const { sandboxId } = await started(sleeping);
    times.push(performance.now() - before);
    await cri.removePodSandbox(sandboxId);
  }
  process.stderr.write(`${runtime}: sandbox + create + start p50 ${times.sort((a, b) => a - b)[5]?.toFixed(1)} ms\n`);
});

const pidOf = (id: string): number => JSON.parse(readFileSync(`${folder}/run/c/${id}/process.json`, 'utf8')).pid;
function removeRecords(sandboxId: string, id: string): void {
  rmSync(`${folder}/state/sandboxes/${sandboxId}/record.json`);
  rmSync(`${folder}/state/containers/${id}/record.json`);
}
