// What only our own service promises, beyond the contract: recovery from a lost monitor and from lost records.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../kit/exec/index.ts';
import { canMapUsers, mountTmpfs, Netlink, unmount } from '../../kit/linux/index.ts';
import { type OwnBed, ownBed } from './bed.fixture.ts';
import type { Cri, CriEvent, Session } from './index.ts';
import { container, loadTestImages, sleeping, TestPods } from './pods.fixture.ts';

const program = process.env['WHERRY_TEST_RUNTIME'] ?? 'runc';
let bed: OwnBed;
let cri: Cri;
let folder: string;
const { sandbox, started, ended } = new TestPods(() => ({ cri, folder }));

beforeAll(async () => {
  bed = await ownBed({ path: program });
  folder = bed.folder;
  cri = await bed.open();
  await loadTestImages(cri, folder);
});
afterEach(async () => {
  for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
  await bed.expectClean();
  expect(await cri.listContainers()).toEqual([]);
});
afterAll(async () => {
  await cri?.close();
  await bed?.dispose();
});

describe('CDI devices', () => {
  test('come with their variables, nodes, mounts and hooks', async () => {
    const vendor = `${basename(folder)}.example.com`;
    const file = `/var/run/cdi/${vendor}.json`;
    mkdirSync('/var/run/cdi', { recursive: true });
    writeFileSync(
      file,
      JSON.stringify({
        cdiVersion: '0.6.0',
        kind: `${vendor}/fuse`,
        devices: [
          {
            name: 'one',
            containerEdits: {
              env: ['FUSE=one'],
              deviceNodes: [{ path: '/dev/cdi-zero', hostPath: '/dev/zero' }],
              mounts: [{ hostPath: folder, containerPath: '/given', options: ['ro', 'rbind'] }],
              hooks: [{ hookName: 'createRuntime', path: '/bin/touch', args: ['touch', `${folder}/hooked`] }],
            },
          },
        ],
      }),
    );
    try {
      const script = 'echo $FUSE; head -c 3 /dev/cdi-zero | wc -c; [ -e /given/hooked ] && ! touch /given/x 2>/dev/null && echo given';
      const { id } = await started(script, { cdiDevices: [`${vendor}/fuse=one`] });
      await ended(id);
      const log = readFileSync((await cri.containerStatus(id)).logPath ?? '', 'utf8');
      expect(log.split('\n').map((line) => line.split(' ')[3])).toEqual(['one', '3', 'given', undefined]);
    } finally {
      rmSync(file);
    }
    await expect(started(sleeping, { cdiDevices: [`${vendor}/fuse=one`] })).rejects.toThrow(
      `CDI device injection failed: unresolvable CDI devices ${vendor}/fuse=one`,
    );
  });
});

describe('attach', () => {
  const everything = async (session: Session) => {
    const chunks: Buffer[] = [];
    for await (const chunk of session.stdout!) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  };

  test('who has said all leaves, unless the input of the container ends with the first', async () => {
    const open = await started('cat; echo over', { stdin: true });
    const first = await cri.attach(open.id, { stdin: true });
    first.stdin!.end('one\n');
    await everything(first);
    expect(await first.exit).toBe(-1);
    const second = await cri.attach(open.id, { stdin: true });
    second.stdin!.end('two\n');
    await everything(second);
    const { state, logPath } = await cri.containerStatus(open.id);
    expect(state).toBe('running');
    await expect.poll(() => readFileSync(logPath, 'utf8').replaceAll(/^.* F /gm, ''), { timeout: 60_000 }).toBe('one\ntwo\n');

    const once = await started('cat; echo over; exit 3', { stdin: true, stdinOnce: true });
    const only = await cri.attach(once.id, { stdin: true });
    only.stdin!.end('one\n');
    expect(await everything(only)).toBe('one\nover\n');
    expect(await only.exit).toBe(3);
  });
});

/** Linux 6.3 is the first that shows memory with other owners. */
const hasUsers = await canMapUsers([tmpdir(), '/dev/shm']);

describe.skipIf(!hasUsers)('users of its own', () => {
  const range = { hostId: 655_360, length: 65_536 };
  const user = { uids: range, gids: range };
  const logOf = async (id: string) =>
    readFileSync((await cri.containerStatus(id)).logPath, 'utf8')
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '));

  test('root of the pod is nobody on the machine, and owns what root owns: image, volumes, the pod files', async () => {
    const volume = `${folder}/volume`;
    mkdirSync(volume, { recursive: true });
    const script = [
      'cat /proc/self/uid_map /proc/self/gid_map',
      'stat -c "%n %u:%g" / /bin/busybox /data /etc/hosts /etc/resolv.conf /etc/hostname /dev/shm',
      'touch /data/mine /own /dev/shm/shared && stat -c "%n %u" /data/mine /own /dev/shm/shared',
      'touch /kept/x 2>/dev/null || stat -c "%n %u" /kept/old /kept/below',
      'chown 7:8 /data/mine; hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; echo 1 >/proc/sys/kernel/panic || exit 5',
    ].join('; ');
    const kept = `${folder}/kept`;
    mkdirSync(`${kept}/below`, { recursive: true });
    mountTmpfs(kept); // nosuid, nodev: flags that cannot be taken away inside
    mkdirSync(`${kept}/below`);
    writeFileSync(`${kept}/old`, '');
    const mounts = [
      { hostPath: volume, containerPath: '/data', owners: user },
      { hostPath: kept, containerPath: '/kept', readonly: true, recursiveReadOnly: true, owners: user },
    ];
    const sysctls = { 'net.ipv4.ip_unprivileged_port_start': '81' };
    const linux = { namespaces: { network: 'pod', pid: 'pod', ipc: 'pod', user }, sysctls } as const;
    const { sandboxId, id } = await started(script, { mounts }, { linux, dns: { servers: ['10.0.0.10'], searches: [], options: [] } });
    expect((await ended(id)).exitCode).toBe(5);
    const lines = await logOf(id);
    expect(lines.slice(0, 2).map((line) => line.trim().split(/ +/))).toEqual(Array(2).fill(['0', '655360', '65536']));
    const roots = ['/', '/bin/busybox', '/data', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname', '/dev/shm'];
    expect(lines.slice(2, 9)).toEqual(roots.map((path) => `${path} 0:0`));
    expect(lines.slice(9, 12)).toEqual(['/data/mine 0', '/own 0', '/dev/shm/shared 0']);
    expect(lines.slice(12, 14)).toEqual(['/kept/old 0', '/kept/below 0']);
    expect(lines.slice(14, 16)).toEqual([(await cri.podSandboxStatus(sandboxId)).metadata.name, '81']);
    const { uid, gid } = statSync(`${volume}/mine`);
    expect([uid, gid]).toEqual([7, 8]);
    expect(statSync(`${folder}/state/containers/${id}/upper/own`).uid).toBe(range.hostId);
  });

  test('commands join it, and a new service goes on with it', async () => {
    const { sandboxId, id } = await started(sleeping, {}, { linux: { namespaces: { user } } });
    await cri.close();
    cri = await bed.open();
    const { stdout } = await cri.execSync(
      id,
      ['sh', '-c', 'id -u; cat /proc/self/uid_map; ip address show eth0 | grep -c "inet "'],
      10_000,
    );
    expect(stdout.toString().trim().split(/\s+/)).toEqual(['0', '0', '655360', '65536', '1']);
    expect(statSync(`/proc/${pidOf(id)}`).uid).toBe(range.hostId);
    expect((await cri.podSandboxStatus(sandboxId)).namespaces.user).toEqual(user);
    await cri.stopContainer(id, 0);
    const again = await cri.createContainer(sandboxId, container('exit 7', { metadata: { name: 'main', attempt: 1 } }));
    await cri.startContainer(again);
    expect((await ended(again)).exitCode).toBe(7);
  });

  test('refused: with a namespace of the node, a mount for users of others', async () => {
    const withNode = { linux: { namespaces: { network: 'node', user } } } as const;
    await expect(started('true', {}, withNode)).rejects.toThrow('cannot be in the network, pid or ipc namespace of the node');
    const owners = { uids: { hostId: 1, length: 1 }, gids: range };
    const mounts = [{ hostPath: folder, containerPath: '/data', owners }];
    const refusal = 'mount at "/data": its id mappings are not those of the pod\'s user namespace';
    await expect(started('true', { mounts }, { linux: { namespaces: { user } } })).rejects.toThrow(refusal);
    await expect(started('true', { mounts })).rejects.toThrow(refusal);
  });
});

test('a privileged container may write to /sys, though one came before that may not', async () => {
  const { sandboxId, id } = await started(sleeping, {}, { linux: { privileged: true } });
  const privileged = container(sleeping, { metadata: { name: 'second', attempt: 0 }, linux: { securityContext: { privileged: true } } });
  const second = await cri.createContainer(sandboxId, privileged);
  await cri.startContainer(second);
  // a file's own value changes nothing
  const write = ['sh', '-c', 'f=/sys/class/net/lo/tx_queue_len; cat $f > /tmp/v; cat /tmp/v > $f && echo written'];
  const said = await Promise.all([id, second].map(async (one) => (await cri.execSync(one, write, 10_000)).stdout.toString()));
  expect(said).toEqual(['', 'written\n']);
});

test('a stop that comes before the program listens is not lost', async () => {
  const { id } = await started('sleep 0.5; trap "exit 6" USR1; while :; do sleep 0.05; done');
  await cri.stopContainer(id, 60_000);
  expect((await cri.containerStatus(id)).exitCode).toBe(6);
});

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

    cri = await bed.open();
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
    cri = await bed.open();
    expect(await cri.listPodSandbox()).toEqual([]);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    using host = Netlink.open({ netns: bed.node });
    await expect.poll(async () => (await host.links()).filter((l) => l.kind === 'veth')).toEqual([]);
  });

  test('a container that was cut off while it was created runs as its user all the same', async () => {
    const sandboxId = await cri.runPodSandbox(sandbox());
    const config = container('id -u', { linux: { securityContext: { runAsUser: 1234 } } });
    const id = await cri.createContainer(sandboxId, config);
    await cri.close();
    // As it was written first, before its root was there to look its user up in.
    const file = `${folder}/state/containers/${id}/record.json`;
    const record = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...record, user: { uid: 0, gid: 0, supplementalGroups: [] } }));
    unmount(`${folder}/run/c/${id}/rootfs`);
    cri = await bed.open();
    expect(await cri.createContainer(sandboxId, config)).toBe(id);
    await cri.startContainer(id);
    const { logPath } = await ended(id);
    expect(readFileSync(logPath, 'utf8')).toMatch(/ 1234\n$/);
  });

  test('of records that a power failure has left empty nothing stays', async () => {
    const both = await started(sleeping);
    const lost = await started(sleeping);
    await cri.close();
    for (const file of [`sandboxes/${both.sandboxId}`, `containers/${both.id}`, `sandboxes/${lost.sandboxId}`])
      truncateSync(`${folder}/state/${file}/record.json`);
    cri = await bed.open();
    expect(await cri.listPodSandbox()).toEqual([]);
    expect(await cri.listContainers()).toEqual([]);
    expect(readdirSync(`${folder}/run/c`)).toEqual([]);
    expect(readdirSync(`${folder}/state/cni/pods`)).toEqual(['last-reserved']);
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
  process.stderr.write(`${program}: sandbox + create + start p50 ${times.sort((a, b) => a - b)[5]?.toFixed(1)} ms\n`);
});

test('a full disk: nothing new begins and says why, what runs ends with its exit code and goes', async () => {
  await cri.close();
  const state = `${folder}/state`;
  mountTmpfs(state, { sizeBytes: 8 << 20 });
  cri = await bed.open();
  const fill = () => {
    while (true) appendFileSync(`${state}/ballast`, Buffer.alloc(4096));
  };
  try {
    const { sandboxId, id } = await started('trap "exit 6" USR1; while :; do sleep 0.05; done');
    const other = await cri.runPodSandbox(sandbox());
    expect(fill).toThrow('ENOSPC');
    const before = [readdirSync(`${state}/sandboxes`), readdirSync(`${state}/containers`)];
    await expect(cri.runPodSandbox(sandbox())).rejects.toThrow(/^write: no space left on device$/);
    await expect(cri.createContainer(other, container(sleeping))).rejects.toThrow('write: no space left on device');
    expect([readdirSync(`${state}/sandboxes`), readdirSync(`${state}/containers`)]).toEqual(before);
    await cri.stopContainer(id, 60_000);
    expect(await cri.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 6 });
    await cri.stopPodSandbox(sandboxId);
    expect((await cri.podSandboxStatus(sandboxId)).state).toBe('notready');
    await cri.removePodSandbox(other);
    // What was said while there was no room is written with the next that is.
    rmSync(`${state}/ballast`);
    await cri.removePodSandbox(await cri.runPodSandbox(sandbox()));
    await started('exit 0').then(({ id }) => ended(id));
    await cri.close();
    cri = await bed.open();
    expect(await cri.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 6 });
    expect((await cri.podSandboxStatus(sandboxId)).state).toBe('notready');
    for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
  } finally {
    await cri.close();
    unmount(state);
    cri = await bed.open();
  }
});

const pidOf = (id: string): number => JSON.parse(readFileSync(`${folder}/run/c/${id}/process.json`, 'utf8')).pid;
function removeRecords(sandboxId: string, id: string): void {
  rmSync(`${folder}/state/sandboxes/${sandboxId}/record.json`);
  rmSync(`${folder}/state/containers/${id}/record.json`);
}
