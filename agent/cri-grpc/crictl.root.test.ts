// crictl, every command of it, against the CRI program; also over kill -9 of the program. Skipped where crictl is not installed (it is
// looked for as $CRICTL, else in PATH).
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, exitOf, start, tryRun } from '../../kit/exec/index.ts';
import { namesIn } from '../../kit/fs/index.ts';
import { openTerminal, spawnProgram } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { ImageStore, importArchive } from '../images/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import { CriProgram } from './client.fixture.ts';

const CRICTL = process.env['CRICTL'] ?? 'crictl';
const isThere = async (program: string) => !(await tryRun('sh', ['-c', 'command -v "$1"', 'sh', program])).failure;
const lacking = (await isThere(CRICTL)) ? '' : ' (not installed: crictl)';
const hasRegistry = (await isThere('docker-registry')) && (await isThere('skopeo'));

const IMAGE = 'docker.io/wherry/test:1';
/** Says something each tenth of a second, serves a page, and ends at the image's stop signal. */
const TALKER =
  'mkdir /www; echo served > /www/index.html; httpd -p 8080 -h /www; trap "exit 0" USR1; n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done';

describe.skipIf(lacking !== '')(`crictl${lacking}`, () => {
  let program: CriProgram;
  let pods = 0;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    program = await CriProgram.make();
    await importArchive(await ImageStore.open(program.imagesDir), await busyboxArchive(program.folder, 'wherry/test:1'));
    await program.start();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await exitOf(child);
    }
    await crictl('rmp', '--all', '--force');
  });
  afterAll(() => program?.dispose());

  /** The command in the node's network namespace, where exec, attach and port-forward are served. */
  const commandLine = (args: string[]): [string, string[]] => {
    const endpoint = `unix://${program.socket}`;
    return [
      'nsenter',
      [`--net=${program.node}`, CRICTL, '--runtime-endpoint', endpoint, '--image-endpoint', endpoint, '--timeout', '60s', ...args],
    ];
  };
  const environment = { CRI_CONFIG_FILE: '/dev/null' };
  const tryCrictl = (...args: string[]) => {
    const [file, rest] = commandLine(args);
    return tryRun(file, rest, { env: environment });
  };
  async function crictl(...args: string[]): Promise<string> {
    const { stdout, failure } = await tryCrictl(...args);
    if (failure) throw failure;
    return stdout;
  }
  const json = async (command: string, ...args: string[]) => JSON.parse(await crictl(command, '--output', 'json', ...args));
  /** Runs on; its output so far. */
  async function following(...args: string[]): Promise<{ child: ChildProcess; output: () => string }> {
    const [file, rest] = commandLine(args);
    const child = await start(file, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
    return { child, output: () => output };
  }
  const says = (what: { output: () => string }, pattern: RegExp) =>
    waitFor({ what: `${pattern} in ${what.output()}`, timeoutMs: 60_000, everyMs: 20 }, () => pattern.test(what.output()));

  function configs(container: object = {}): { pod: string; container: string } {
    const n = pods++;
    const folder = `${program.folder}/configs/${n}`;
    mkdirSync(folder, { recursive: true });
    const write = (name: string, config: object) => {
      writeFileSync(`${folder}/${name}`, JSON.stringify(config));
      return `${folder}/${name}`;
    };
    return {
      pod: write('pod.json', {
        metadata: { name: `pod-${n}`, namespace: 'default', uid: `uid-${n}` },
        hostname: `pod-${n}`,
        log_directory: `${folder}/logs`,
        labels: { app: 'talker' },
        linux: {},
      }),
      container: write('container.json', {
        metadata: { name: 'main' },
        image: { image: IMAGE },
        command: ['sh', '-c', TALKER],
        log_path: 'main.log',
        linux: {},
        ...container,
      }),
    };
  }

  async function talker(container: object = {}): Promise<{ pod: string; id: string }> {
    const files = configs(container);
    const pod = (await crictl('runp', files.pod)).trim();
    const id = (await crictl('create', pod, files.container, files.pod)).trim();
    await crictl('start', id);
    return { pod, id };
  }

  test('the runtime: version, info, config', async () => {
    expect(await crictl('version')).toMatch(/RuntimeName: +wherry\nRuntimeVersion: +runc /);
    const info = await json('info');
    expect(info.status.conditions).toMatchObject([
      { type: 'RuntimeReady', status: true },
      { type: 'NetworkReady', status: true },
    ]);
    expect(await crictl('runtime-config')).toContain('CGROUPFS');
    await crictl('update-runtime-config', '10.244.8.0/24');
    const file = `${program.folder}/crictl.yaml`;
    await crictl('--config', file, 'config', '--set', 'timeout=30');
    expect(await crictl('--config', file, 'config', '--get', 'timeout')).toMatch(/^30s?\n$/);
  });

  test.skipIf(!hasRegistry)(
    `images: pull, list, look, remove, prune${hasRegistry ? '' : ' (not installed: docker-registry or skopeo)'}`,
    async () => {
      writeFileSync(
        `${program.folder}/registry.yml`,
        `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${program.folder}/registry}}\nhttp: {addr: '127.0.0.1:5000'}\n`,
      );
      children.push(
        await start('nsenter', [`--net=${program.node}`, 'docker-registry', 'serve', `${program.folder}/registry.yml`], {
          stdio: 'ignore',
        }),
      );
      const copy = [
        'copy',
        '--quiet',
        '--insecure-policy',
        '--dest-tls-verify=false',
        `docker-archive:${await busyboxArchive(program.folder, 'pulled:1', { Cmd: ['id'] })}`,
      ];
      await waitFor({ what: 'an image in the registry', timeoutMs: 60_000 }, () =>
        program.inNode('skopeo', ...copy, 'docker://127.0.0.1:5000/pulled:1').then(() => true),
      );
      expect(await crictl('pull', '127.0.0.1:5000/pulled:1')).toMatch(/^Image is up to date for sha256:/);
      const named = (images: any[]) => images.flatMap(({ repoTags }) => repoTags);
      expect(named((await json('images')).images)).toContain('127.0.0.1:5000/pulled:1');
      const { status } = await json('inspecti', '127.0.0.1:5000/pulled:1');
      expect(status.repoDigests).toEqual([expect.stringMatching(/^127\.0\.0\.1:5000\/pulled@sha256:/)]);
      expect((await json('imagefsinfo')).status.imageFilesystems[0].fsId.mountpoint).toContain(program.folder);
      expect(await crictl('rmi', '127.0.0.1:5000/pulled:1')).toContain('Deleted: 127.0.0.1:5000/pulled:1');
      await crictl('pull', '127.0.0.1:5000/pulled:1');
      await talker();
      await crictl('rmi', '--prune'); // all that no container uses
      expect(named((await json('images')).images)).toEqual([IMAGE]);
      expect((await tryCrictl('pull', '127.0.0.1:5000/nosuch:1')).stderr).toMatch(/not found/);
    },
  );

  test('a life: runp, create, start, look, update, stop, remove', async () => {
    const events = await following('events', '--output', 'json');
    const { pod, id } = await talker();
    expect((await json('pods', '--label', 'app=talker', '--state', 'ready')).items).toMatchObject([{ id: pod }]);
    expect((await json('ps', '--name', 'main')).containers).toMatchObject([{ id, state: 'CONTAINER_RUNNING' }]);
    expect((await json('inspectp', pod.slice(0, 12))).status).toMatchObject({
      state: 'SANDBOX_READY',
      network: { ip: expect.stringMatching(/^10\.244\.8\./) },
    });
    expect((await json('inspect', id.slice(0, 12))).status).toMatchObject({ state: 'CONTAINER_RUNNING' });
    expect((await json('stats', id)).stats).toMatchObject([{ attributes: { id } }]);
    expect((await json('statsp', '--id', pod)).stats).toMatchObject([{ attributes: { id: pod } }]);
    expect((await json('metricdescs')).descriptors.length).toBeGreaterThan(10);
    expect((await json('metricsp')).podMetrics).toMatchObject([{ podSandboxId: pod }]);
    await crictl('update', '--cpu-share', '512', id);
    expect((await json('inspect', id)).status.resources.linux.cpuShares).toBe('512');
    await crictl('stop', '--timeout', '10', id);
    expect((await json('inspect', id)).status).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 0 });
    await crictl('rm', id);
    await crictl('stopp', pod);
    expect((await json('pods', '--state', 'notready')).items).toMatchObject([{ id: pod }]);
    await crictl('rmp', pod);
    expect((await json('pods')).items).toEqual([]);
    await says(events, /CONTAINER_CREATED_EVENT[\s\S]*CONTAINER_STARTED_EVENT[\s\S]*CONTAINER_STOPPED_EVENT[\s\S]*CONTAINER_DELETED_EVENT/);
    const files = configs();
    const run = (await crictl('run', '--no-pull', files.container, files.pod)).trim();
    expect((await json('ps')).containers).toMatchObject([{ id: run }]);
  });

  test('commands: at once, over a stream, on a terminal', async () => {
    const { id } = await talker();
    expect(await crictl('exec', '--sync', id, 'echo', 'at', 'once')).toMatch(/^at once\n/);
    expect(await crictl('exec', id, 'sh', '-c', 'echo out')).toBe('out\n');
    expect(await tryCrictl('exec', '--sync', id, 'sh', '-c', 'exit 3')).toMatchObject({ stderr: expect.stringContaining('exited with 3') });
    expect(await tryCrictl('exec', id, 'nosuch')).toMatchObject({ stderr: expect.stringContaining('nosuch') });
    expect(await onTerminal(['exec', '--interactive', '--tty', id, 'sh'], 'tty; exit 5\n')).toMatch(/\/dev\/pts\/\d+\r\n/);
  });

  /** What is seen on a terminal on which the command runs and somebody types. */
  async function onTerminal(args: string[], typed: string): Promise<string> {
    const terminal = openTerminal();
    const { slaveFd } = terminal;
    const [file, rest] = commandLine(args);
    const child = spawnProgram(file, rest, {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: [slaveFd, slaveFd, slaveFd],
    });
    closeSync(slaveFd);
    terminal.input.write(typed);
    const [seen] = await Promise.all([text(terminal.output), child.exit]);
    return seen;
  }

  test('attach, port-forward', async () => {
    const { pod, id } = await talker();
    const attached = await following('attach', id);
    await says(attached, /line \d+\n/);
    const forwarding = await following('port-forward', pod, '18080:8080');
    await says(forwarding, /Forwarding from 127\.0\.0\.1:18080/);
    expect(await program.get(18080)).toBe('served\n');
    const { id: echo } = await talker({
      metadata: { name: 'echo' },
      command: ['sh', '-c', 'read line; echo "got $line"'],
      stdin: true,
      stdin_once: true,
    });
    const writer = await following('attach', '--stdin', echo);
    writer.child.stdin?.end('typed\n');
    await says(writer, /got typed/);
  });

  test('logs: all, the last, those since, with their times, followed', async () => {
    const { id } = await talker();
    const followed = await following('logs', '--follow', id);
    await says(followed, /line 5\n/);
    expect(await crictl('logs', id)).toMatch(/^line 1\nline 2\n/);
    expect((await crictl('logs', '--tail', '2', id)).split('\n')).toHaveLength(3);
    expect(await crictl('logs', '--since', '1h', '--tail', '1', '--timestamps', id)).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z? ?\S* ?.*line \d+\n$/,
    );
    await crictl('stop', id);
    expect(await exitOf(followed.child)).toBe(0);
  });

  test('refused: a checkpoint, a configuration without metadata, what is not there', async () => {
    const { id } = await talker();
    expect((await tryCrictl('checkpoint', '--export', `${program.folder}/c.tar`, id)).stderr).toContain(
      'wherry does not checkpoint containers',
    );
    writeFileSync(`${program.folder}/empty.json`, '{}');
    expect((await tryCrictl('runp', `${program.folder}/empty.json`)).stderr).toMatch(/metadata|name is not set/i);
    for (const command of ['inspect', 'inspectp', 'inspecti', 'logs'])
      expect((await tryCrictl(command, 'nosuch')).exitCode, command).not.toBe(0);
  });

  async function commandUnderWay(id: string) {
    const busy = await following('exec', id, 'sh', '-c', 'echo begun; sleep 1000');
    await says(busy, /begun/);
    return busy;
  }

  /** From its record on: a client that has not got through yet would wait for the next program, and its pod would be whole. */
  async function podUnderWay() {
    const records = `${program.folder}/state/sandboxes`;
    const before = namesIn(records).length;
    const busy = await following('runp', configs().pod);
    await waitFor({ what: 'a record of the pod', timeoutMs: 60_000, everyMs: 1 }, () => namesIn(records).length > before);
    return busy;
  }

  test('kill -9 of the program, twice: containers go on, logs go on, crictl sees them', { timeout: 120_000 }, async () => {
    const { pod, id } = await talker();
    const pidOf = async () => (await json('inspect', id)).info.pid;
    const pid = await pidOf();
    const lines = async () => (await crictl('logs', id)).split('\n').length;
    for (const change of ['exec', 'pods']) {
      const before = await lines();
      const busy = change === 'exec' ? await commandUnderWay(id) : await podUnderWay();
      await program.kill('SIGKILL');
      await exitOf(busy.child);
      await program.start();
      expect(await pidOf(), change).toBe(pid);
      await waitFor({ what: 'more of the log', timeoutMs: 60_000 }, async () => (await lines()) > before + 2);
      expect(await crictl('exec', '--sync', id, 'echo', 'still here')).toMatch(/^still here\n/);
      expect((await json('pods', '--id', pod)).items).toMatchObject([{ state: 'SANDBOX_READY' }]);
    }
  });
});
