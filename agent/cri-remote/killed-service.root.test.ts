// kill -9 of our own CRI service, as its clients see it: containers run on, the next service on the same folders knows them.
import { mkdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ChildProcess, exitOf, run, start } from '../../kit/exec/index.ts';
import { openPodCgroups } from '../../kit/linux/index.ts';
import { silentLogger, waitFor } from '../../kit/run/index.ts';
import { ownBed } from '../cri/bed.fixture.ts';
import { ImageStore, importArchive } from '../images/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import { createRemoteCri } from './index.ts';

const IMAGE = 'wherry/test:1';
const POD = { metadata: { name: 'pod', namespace: 'default', uid: 'uid', attempt: 0 }, hostname: 'pod' };

test('kill -9 of the service: its containers run on, the next one has them and what ended meanwhile', { timeout: 180_000 }, async () => {
  const bed = await ownBed({ path: 'runc' });
  const { folder, node, cgroupParent } = bed;
  const socket = `${folder}/cri.sock`;
  const network = { bridge: 'wherry0', podCIDR: '10.244.9.0/24' };
  const folders = { stateDir: `${folder}/state`, runDir: `${folder}/run`, imagesDir: `${folder}/images` };
  const config = JSON.stringify({ socket, ...folders, ...network, cgroupParent: '/' });
  let service: ChildProcess | undefined;
  const open = async () => {
    const cni = { bridge: network.bridge, subnet: network.podCIDR, nodeNetns: node };
    const groups = await openPodCgroups('cgroupfs', cgroupParent);
    return await createRemoteCri({ socket, groups, cni, stateDir: `${folder}/client`, log: silentLogger });
  };
  const serve = async () => {
    const program = [process.execPath, '--disable-warning=ExperimentalWarning', `${import.meta.dirname}/../cri-main.ts`, config];
    service = await start('nsenter', [`--net=${node}`, ...program], { stdio: 'ignore' });
    return await waitFor({ what: 'the service', timeoutMs: 60_000, everyMs: 100 }, open);
  };
  const kill = async () => {
    service?.kill('SIGKILL');
    if (service) await exitOf(service);
    service = undefined;
  };
  try {
    await run('nsenter', [`--net=${node}`, 'ip', 'link', 'set', 'lo', 'up']);
    await importArchive(await ImageStore.open(folders.imagesDir), await busyboxArchive(folder, IMAGE));
    const data = `${folder}/data`;
    mkdirSync(data);
    const ticks = () => readFileSync(`${data}/ticks`, 'utf8').length;

    const before = await serve();
    const sandboxId = await before.runPodSandbox({ ...POD, logDirectory: `${folder}/logs` });
    const started = async (name: string, script: string) => {
      const id = await before.createContainer(sandboxId, {
        metadata: { name, attempt: 0 },
        image: IMAGE,
        command: ['sh', '-c', script],
        logPath: `${name}.log`,
        mounts: [{ hostPath: data, containerPath: '/data' }],
      });
      await before.startContainer(id);
      return id;
    };
    const staying = await started('staying', 'while :; do echo -n . >>/data/ticks; sleep 0.05; done');
    const ending = await started('ending', 'while [ ! -e /data/end ]; do sleep 0.05; done; exit 7');
    const { startedAtMs } = await before.containerStatus(staying);
    await waitFor({ what: 'its first tick', timeoutMs: 60_000 }, () => ticks() > 0);
    await kill();
    await before.close();

    const seen = ticks();
    mkdirSync(`${data}/end`);
    await waitFor({ what: 'ticks without a service', timeoutMs: 60_000 }, () => ticks() > seen);
    const after = await serve();
    expect(await after.podSandboxStatus(sandboxId)).toMatchObject({ state: 'ready', ips: [expect.stringMatching(/^10\.244\.9\./)] });
    expect(await after.containerStatus(staying)).toMatchObject({ state: 'running', startedAtMs });
    const ended = () => after.containerStatus(ending);
    await waitFor({ what: 'the end to be known', timeoutMs: 60_000 }, async () => (await ended()).state === 'exited');
    expect(await ended()).toMatchObject({ exitCode: 7 });
    expect((await after.execSync(staying, ['echo', 'here'], 20_000)).stdout.toString()).toBe('here\n');
    await after.stopContainer(staying, 0);
    expect(await after.containerStatus(staying)).toMatchObject({ state: 'exited', exitCode: 137 });
    await after.removePodSandbox(sandboxId);
    expect(await after.listContainers()).toEqual([]);
    await after.close();
    await bed.expectClean();
  } finally {
    await kill();
    await bed.dispose();
  }
});
