// One suite for every Cri: our own service on each OCI runtime, the same through its socket, and the drivers of other people's runtimes.
// What it promises here, pods rely on. A behaviour that a runtime cannot offer is skipped by name, with the reason.
import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CgroupDriverName, cgroupNames, cgroups } from '../../kit/linux/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import type { Cri, CriEvent } from './cri.ts';
import { container, loadTestImages, sleeping, TestPods } from './pods.fixture.ts';

export interface CriBed {
  /** Opens (again) on the same state, as an agent that was started again. */
  open(): Promise<Cri>;
  /** A folder of the test's own. */
  folder: string;
  /** What all pods' cgroups are below. */
  cgroupParent: string;
  /** Who makes them; absent: `cgroupfs`. */
  cgroupDriver?: CgroupDriverName;
  /** Nothing may be left after the last sandbox went. */
  expectClean(): void | Promise<void>;
  dispose(): Promise<void>;
}

/** What not every runtime offers. */
export type CriFeature =
  | 'log rotation'
  | 'numeric user'
  | 'user at create'
  | 'privileged'
  | 'interfaces'
  | 'command looked for'
  | 'memory limit'
  | 'sysctls'
  | 'terminal device'
  | 'exec ended by its client';

export interface CriContract {
  make(): Promise<CriBed>;
  /** First three numbers of the pods' addresses. */
  network: string;
  /** Feature to the reason why it is not there. */
  lacks?: Partial<Record<CriFeature, string>>;
}

export function criContract(name: string, { make, network, lacks = {} }: CriContract): void {
  /** A test that is skipped, and says why, where the runtime cannot do it. */
  const testWith = (feature: CriFeature, title: string, work: () => Promise<void>) => {
    if (lacks[feature] === undefined) test(title, work);
    else test.skip(`${title} (${lacks[feature]})`, () => {});
  };

  describe(`cri contract: ${name}`, () => {
    let bed: CriBed;
    let cri: Cri;
    let folder: string;
    const { sandbox, started, ended } = new TestPods(() => ({ cri, folder }));

    beforeAll(async () => {
      bed = await make();
      folder = bed.folder;
      cri = await bed.open();
      await loadTestImages(cri, folder);
    });
    afterEach(async () => {
      for (const { id } of await cri.listPodSandbox()) await cri.removePodSandbox(id);
      expect(await cri.listContainers()).toEqual([]);
      await bed.expectClean();
    });
    afterAll(async () => {
      await cri?.close();
      await bed?.dispose();
    });
    const log = async (id: string) => {
      const { logPath } = await cri.containerStatus(id);
      return logLines(existsSync(logPath) ? readFileSync(logPath, 'utf8') : '');
    };

    describe('containers', () => {
      testWith('interfaces', 'a container runs to its end: log, exit code, environment, host name, address', async () => {
        const { sandboxId, id } = await started(
          `echo $GREETING $X $HOSTNAME; hostname; ip addr show eth0 | grep -o "${network}[.][0-9]*/[0-9]*"; echo bad >&2; exit 3`,
          { env: [{ key: 'X', value: 'y' }] },
        );
        expect(await ended(id)).toMatchObject({ exitCode: 3, reason: 'Error', image: 'wherry/test:1' });
        const { ips, state, metadata } = await cri.podSandboxStatus(sandboxId);
        expect(state).toBe('ready');
        const lines = await log(id);
        expect(lines).toEqual(
          expect.arrayContaining([
            `stdout F hello y ${metadata.name}`,
            `stdout F ${metadata.name}`,
            expect.stringContaining(`stdout F ${ips[0]}/`),
            'stderr F bad',
          ]),
        );
      });

      test('the same sandbox and container asked for twice are one', async () => {
        const config = sandbox();
        const [a, b] = await Promise.all([cri.runPodSandbox(config), cri.runPodSandbox(config)]);
        expect(a).toBe(b);
        const [c, d] = await Promise.all([cri.createContainer(a, container('true')), cri.createContainer(a, container('true'))]);
        expect(c).toBe(d);
        await cri.startContainer(c);
        await cri.stopPodSandbox(a);
        await cri.stopPodSandbox(a);
        expect((await cri.podSandboxStatus(a)).state).toBe('notready');
        await cri.removePodSandbox(a);
        await cri.removePodSandbox(a);
        await cri.stopContainer(c, 0);
        await cri.removeContainer(c);
        await expect(cri.containerStatus(c)).rejects.toMatchObject({ reason: 'NotFound' });
      });

      testWith('command looked for', 'a command that is not there ends with 128 and the runtime sentence', async () => {
        const sandboxId = await cri.runPodSandbox(sandbox());
        const id = await cri.createContainer(sandboxId, container('', { command: ['nosuch'] }));
        await expect(cri.startContainer(id)).rejects.toMatchObject({
          reason: 'RunContainerError',
          message: expect.stringMatching(/executable file.*not found in \$PATH/),
        });
        expect(await cri.containerStatus(id)).toMatchObject({
          state: 'exited',
          exitCode: 128,
          reason: 'StartError',
          message: expect.stringContaining('nosuch'),
        });
      });

      test('an unknown image, a bad name and an unknown user are refused', async () => {
        const sandboxId = await cri.runPodSandbox(sandbox());
        await expect(cri.createContainer(sandboxId, container('', { image: 'nosuch:1' }))).rejects.toMatchObject({
          reason: 'ImageNotFound',
        });
        await expect(cri.pullImage('Not A Name')).rejects.toMatchObject({ reason: 'InvalidImageName' });
        if (lacks['user at create'] === undefined)
          await expect(
            cri.createContainer(sandboxId, container('', { linux: { securityContext: { runAsUsername: 'nobody' } } })),
          ).rejects.toMatchObject({
            reason: 'CreateContainerError',
            message: expect.stringMatching(/no (matching entries in passwd file|users found)/),
          });
        expect(await cri.imageStatus('nosuch:1')).toBeUndefined();
      });

      test("the image's user with its groups, working directory, entrypoint and command", async () => {
        const sandboxId = await cri.runPodSandbox(sandbox());
        const id = await cri.createContainer(sandboxId, {
          metadata: { name: 'main', attempt: 0 },
          image: 'wherry/web:1',
          args: ['id; pwd; echo $HOME'],
          logPath: 'x.log',
        });
        await cri.startContainer(id);
        await ended(id);
        expect(await log(id)).toEqual(
          ['stdout F uid=1000(web) gid=1000(web) groups=2000(extra)', 'stdout F /tmp', 'stdout F /tmp'].map((l) =>
            expect.stringContaining(l.replace(' groups=2000(extra)', '')),
          ),
        );
        if (lacks['numeric user'] === undefined)
          expect((await cri.containerStatus(id)).user).toMatchObject({
            uid: 1000,
            gid: 1000,
            supplementalGroups: expect.arrayContaining([2000]),
          });
      });

      test('stop: the stop signal first, SIGKILL when it does not help', async () => {
        const gentle = await started('trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done');
        await expect.poll(() => log(gentle.id)).toContain('stdout F ready');
        await cri.stopContainer(gentle.id, 5_000);
        expect(await cri.containerStatus(gentle.id)).toMatchObject({ state: 'exited', exitCode: 7 });
        const stubborn = await started('trap "" USR1 TERM; sleep 60');
        await cri.stopContainer(stubborn.id, 100);
        expect(await cri.containerStatus(stubborn.id)).toMatchObject({ state: 'exited', exitCode: 137, reason: 'Error' });
      });

      testWith('memory limit', 'memory beyond the limit is OOMKilled', async () => {
        const { id } = await started('tail /dev/zero', { linux: { resources: { memoryLimitBytes: 16 << 20 } } });
        expect(await ended(id)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
      });

      test('mounts: read-only, read-write, a source that is not there; capabilities; read-only root', async () => {
        const data = mkdtempSync(`${folder}/data-`);
        writeFileSync(`${data}/in`, 'in');
        const { id } = await started(
          'cat /data/in; echo x > /ro/x || echo refused; echo out > /data/out; ls /new; touch /x || echo root-ro; grep CapEff /proc/self/status',
          {
            mounts: [
              { hostPath: data, containerPath: '/data' },
              { hostPath: data, containerPath: '/ro', readonly: true },
              { hostPath: `${data}/new`, containerPath: '/new' },
            ],
            linux: { securityContext: { readonlyRootfs: true, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } } },
          },
        );
        await ended(id);
        const lines = (await log(id)).join('\n');
        expect(lines).toContain('refused');
        expect(lines).toContain('root-ro');
        expect(lines).toContain('0000000000000400');
        expect(readFileSync(`${data}/out`, 'utf8')).toBe('out\n');
      });

      testWith('privileged', 'a privileged container and a wanted oom score do not fail for want of rights', async () => {
        const { id } = await started(
          'cat /proc/self/oom_score_adj; mount -t tmpfs x /tmp && echo mounted',
          {
            linux: { securityContext: { privileged: true }, resources: { oomScoreAdj: -997 } },
          },
          { linux: { privileged: true } },
        );
        await ended(id);
        expect(await log(id)).toContain('stdout F mounted');
      });

      test('containers of a pod share network, host name and shared memory; processes only when asked', async () => {
        const sandboxId = await cri.runPodSandbox(sandbox({ linux: { namespaces: { pid: 'pod' } } }));
        const first = await cri.createContainer(
          sandboxId,
          container(`echo shared > /dev/shm/x; ${sleeping}`, { metadata: { name: 'a', attempt: 0 }, logPath: 'a.log' }),
        );
        await cri.startContainer(first);
        await expect.poll(async () => (await cri.execSync(first, ['cat', '/dev/shm/x'], 5_000)).stdout.toString()).toBe('shared\n');
        const second = await cri.createContainer(
          sandboxId,
          container('cat /dev/shm/x; ps | grep -c "sleep 0.05" ', { metadata: { name: 'b', attempt: 0 }, logPath: 'b.log' }),
        );
        await cri.startContainer(second);
        await ended(second);
        expect((await log(second))[0]).toBe('stdout F shared');
        expect(Number((await log(second))[1]?.split(' ').at(-1))).toBeGreaterThan(0);
      });

      test("with the node's network there is no address of its own", async () => {
        const { sandboxId, id } = await started('ip link | grep -c eth0', {}, { linux: { namespaces: { network: 'node' } } });
        expect((await cri.podSandboxStatus(sandboxId)).ips).toEqual([]);
        await ended(id);
      });

      testWith('sysctls', 'sysctls, pod limits, statistics, update', async () => {
        const { sandboxId, id } = await started(
          `cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ${sleeping}`,
          {},
          {
            linux: {
              sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' },
              resources: { memoryLimitBytes: 64 << 20, cpuShares: 100 },
              cgroupParent: 'kubepods/burstable/podx',
            },
          },
        );
        await expect.poll(() => log(id)).toContain('stdout F 80');
        const stats = await cri.podSandboxStats(sandboxId);
        expect(stats).toMatchObject({ network: { name: 'eth0' }, containers: [{ id }] });
        expect(stats.containers[0]!.memoryUsageBytes).toBeGreaterThan(0);
        await cri.updateContainerResources(id, { memoryLimitBytes: 32 << 20 });
        const names = cgroupNames(bed.cgroupDriver ?? 'cgroupfs', bed.cgroupParent);
        const group = names.container(names.group('kubepods/burstable/podx'), id);
        const file = cgroups().layout === 'v2' ? 'memory.max' : 'memory.limit_in_bytes';
        expect(cgroups().read(group, 'memory', file).trim()).toBe(`${32 << 20}`);
      });

      testWith('log rotation', 'the log goes on in a new file after a rotation', async () => {
        const { id } = await started('while :; do echo tick; sleep 0.05; done');
        await expect.poll(() => log(id)).toContain('stdout F tick');
        const { logPath } = await cri.containerStatus(id);
        renameSync(logPath, `${logPath}.1`);
        await cri.reopenContainerLog(id);
        await expect.poll(() => existsSync(logPath)).toBe(true);
        await expect.poll(() => log(id)).toContain('stdout F tick');
      });
    });

    describe('exec and attach', () => {
      test('execSync: output, exit code, a missing command, a deadline', async () => {
        const { id } = await started(sleeping);
        const result = await cri.execSync(id, ['sh', '-c', 'echo out; echo err >&2; echo $GREETING > /dev/stdout; exit 4'], 5_000);
        expect([result.stdout.toString(), result.stderr.toString(), result.exitCode]).toEqual(['out\nhello\n', 'err\n', 4]);
        await expect(cri.execSync(id, ['nosuch'], 5_000)).rejects.toMatchObject({
          reason: 'RunContainerError',
          message: expect.stringContaining('nosuch'),
        });
        const before = performance.now();
        await expect(cri.execSync(id, ['sleep', '30'], 300)).rejects.toMatchObject({ reason: 'DeadlineExceeded' });
        expect(performance.now() - before).toBeLessThan(3_000);
        await expect.poll(async () => (await cri.execSync(id, ['ps'], 60_000)).stdout.toString()).not.toContain('sleep 30');
      });

      test('streaming: stdin half-close, large output through a slow reader', async () => {
        const { id } = await started(sleeping);
        const cat = await cri.exec(id, ['cat'], { stdin: true });
        const out = text(cat.stdout!);
        cat.stdin!.write('hello ');
        cat.stdin!.end('world');
        expect(await out).toBe('hello world');
        expect(await cat.exit).toBe(0);
        const big = await cri.exec(id, ['sh', '-c', 'head -c 3000000 /dev/zero; exit 5'], {});
        let bytes = 0;
        for await (const chunk of big.stdout as Readable) {
          bytes += (chunk as Buffer).length;
          if (bytes < 300_000) await new Promise((r) => setTimeout(r, 20));
        }
        expect(bytes).toBe(3_000_000);
        expect(await big.exit).toBe(5);
      });

      testWith('terminal device', 'a terminal: size, resize, exit code; closing ends the process', async () => {
        const { id } = await started(sleeping);
        const tty = await cri.exec(id, ['sh'], { stdin: true, tty: true, width: 100, height: 40 });
        let seen = '';
        tty.stdout!.on('data', (chunk: Buffer) => {
          seen += chunk.toString();
        });
        await expect
          .poll(
            () => {
              tty.stdin!.write('stty size; tty\n');
              return seen;
            },
            { interval: 100 },
          )
          .toContain('40 100');
        await expect.poll(() => seen).toContain('/dev/pts/');
        tty.resize(132, 50);
        await expect
          .poll(
            async () => {
              tty.stdin!.write('stty size\n');
              return seen;
            },
            { interval: 100 },
          )
          .toContain('50 132');
        tty.stdin!.write('exit 9\n');
        expect(await tty.exit).toBe(9);
        if (lacks['exec ended by its client'] !== undefined) return;
        const other = await cri.exec(id, ['sleep', '77'], { stdin: true, tty: true });
        await expect.poll(async () => (await cri.execSync(id, ['ps'], 60_000)).stdout.toString()).toContain('sleep 77');
        other.close();
        await expect.poll(async () => (await cri.execSync(id, ['ps'], 60_000)).stdout.toString()).not.toContain('sleep 77');
      });

      test('attach: both directions, the exit code', async () => {
        const { id } = await started('echo begin; while read line; do echo "got $line"; [ "$line" = end ] && exit 6; done', {
          stdin: true,
        });
        const session = await cri.attach(id, { stdin: true });
        let seen = '';
        session.stdout!.on('data', (chunk: Buffer) => {
          seen += chunk.toString();
        });
        session.stdin!.write('one\n');
        await expect.poll(() => seen).toContain('got one');
        session.stdin!.write('end\n');
        expect(await session.exit).toBe(6);
      });

      test('attach to a terminal', async () => {
        const { id } = await started('sh', { stdin: true, tty: true, command: ['sh'] });
        const session = await cri.attach(id, { stdin: true, tty: true, width: 90, height: 33 });
        let seen = '';
        session.stdout!.on('data', (chunk: Buffer) => {
          seen += chunk.toString();
        });
        await expect
          .poll(
            async () => {
              session.stdin!.write('stty size\n');
              return seen;
            },
            { interval: 100 },
          )
          .toContain('33 90');
        session.stdin!.write('exit 2\n');
        expect(await session.exit).toBe(2);
        expect(await ended(id)).toMatchObject({ exitCode: 2 });
      });
    });

    describe('an agent that was started again', () => {
      test('finds containers that run, and those that ended meanwhile', async () => {
        const data = mkdtempSync(`${folder}/data-`);
        const running = await started(sleeping);
        const ending = await started('while [ ! -e /data/end ]; do sleep 0.02; done; exit 5', {
          mounts: [{ hostPath: data, containerPath: '/data' }],
        });
        const address = (await cri.podSandboxStatus(running.sandboxId)).ips;
        await cri.execSync(running.id, ['touch', '/tmp/mark'], 5_000);
        await cri.close();
        writeFileSync(`${data}/end`, '');
        cri = await bed.open();
        expect(await cri.containerStatus(running.id)).toMatchObject({ state: 'running', image: 'wherry/test:1' });
        expect((await cri.execSync(running.id, ['ls', '/tmp'], 5_000)).stdout.toString()).toBe('mark\n');
        expect((await cri.podSandboxStatus(running.sandboxId)).ips).toEqual(address);
        expect(await ended(ending.id)).toMatchObject({ exitCode: 5 });
        const again = await cri.createContainer(
          running.sandboxId,
          container('exit 0', { metadata: { name: 'late', attempt: 0 }, logPath: 'late.log' }),
        );
        await cri.startContainer(again);
        expect(await ended(again)).toMatchObject({ exitCode: 0 });
      });
    });

    test('events tell of start and end', async () => {
      const stop = new AbortController();
      const seen: CriEvent[] = [];
      const reading = (async () => {
        for await (const event of cri.events(stop.signal)) seen.push(event);
      })();
      const { id } = await started('exit 0');
      await expect.poll(() => seen.filter((e) => e.containerId === id).map((e) => e.type)).toEqual(['created', 'started', 'exited']);
      expect(await ended(id)).toMatchObject({ exitCode: 0, reason: 'Completed' });
      stop.abort();
      await reading;
    });

    test('port-forward: a port that listens, one that does not', async () => {
      const { sandboxId, id } = await started('while :; do echo hello from the pod | nc -l -p 8080; done');
      await expect.poll(async () => (await cri.execSync(id, ['netstat', '-ltn'], 5_000)).stdout.toString()).toContain(':8080');
      const connection = await cri.openPort(sandboxId, 8080);
      expect(await text(connection)).toBe('hello from the pod\n');
      connection.destroy();
      const refused = cri.openPort(sandboxId, 9).then(async (stream) => await text(stream));
      await expect(refused).rejects.toThrow();
    });

    test('images: names, lookups, size; removed ones are gone', async () => {
      const status = await cri.imageStatus('wherry/web:1');
      expect(status).toMatchObject({ repoTags: ['docker.io/wherry/web:1'] });
      expect(status?.username).toBe('web');
      expect((await cri.imageStatus(status!.id))?.id).toBe(status!.id);
      expect(status!.sizeBytes).toBeGreaterThan(100_000);
      await cri.loadImage(await busyboxArchive(folder, 'wherry/removed:1', { WorkingDir: '/etc' }));
      expect((await cri.listImages()).flatMap(({ repoTags }) => repoTags)).toContain('docker.io/wherry/removed:1');
      await cri.removeImage('docker.io/wherry/removed:1');
      expect(await cri.imageStatus('wherry/removed:1')).toBeUndefined();
      const { images } = await cri.imageFsInfo();
      expect(images.path).not.toBe('');
    });

    test('an unknown runtime handler is told by name', async () => {
      await expect(cri.runPodSandbox(sandbox({ runtimeHandler: 'nosuch' }))).rejects.toMatchObject({
        reason: 'FailedCreatePodSandBox',
        message: expect.stringMatching(/no runtime for "nosuch" is configured/),
      });
    });
  });
}

/** Lines without their stamps. Docker keeps its own format, which log readers know too. */
function logLines(written: string): string[] {
  const lines = written.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    if (!line.startsWith('{')) return line.split(' ').slice(1).join(' ');
    const { log, stream } = JSON.parse(line) as { log: string; stream: string };
    return `${stream} ${log.endsWith('\n') ? 'F' : 'P'} ${log.trimEnd()}`;
  });
}
