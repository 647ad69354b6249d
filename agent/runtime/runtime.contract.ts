// One suite for every driver of a low-level runtime. What it promises here, agent/cri relies on.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mountOverlay } from '../../kit/linux/index.ts';
import { buildSpec, type Runtime, type SpecInput } from './index.ts';

export interface RuntimeBed {
  /** Opens (again) on the same folder. */
  open(): Runtime;
  /** A folder of the test's own. */
  folder: string;
  /** A root file system with a busybox in /bin, and a cgroup to be below. */
  lower: string;
  cgroupParent: string;
  dispose(): Promise<void>;
}

export function runtimeContract(name: string, make: () => Promise<RuntimeBed>): void {
  describe(`runtime contract: ${name}`, () => {
    let bed: RuntimeBed;
    let runtime: Runtime;
    let count = 0;
    beforeAll(async () => {
      bed = await make();
      runtime = bed.open();
    });
    afterEach(async () => {
      for (const id of runtime.list()) await runtime.delete(id);
      expect(runtime.list()).toEqual([]);
    });
    afterAll(async () => {
      runtime.close();
      await bed.dispose();
    });

    const logOf = (id: string) => `${bed.folder}/${id}.log`;

    async function create(script: string, change: Partial<SpecInput> = {}, stdin = false): Promise<string> {
      const id = `c${count++}`;
      const rootfs = runtime.rootfsPath(id);
      for (const path of [rootfs, `${bed.folder}/${id}/upper`, `${bed.folder}/${id}/work`]) mkdirSync(path, { recursive: true });
      mountOverlay(rootfs, { layers: [bed.lower], upper: `${bed.folder}/${id}/upper`, work: `${bed.folder}/${id}/work` });
      await createAgain(id, script, change, stdin);
      return id;
    }
    async function createAgain(id: string, script: string, change: Partial<SpecInput> = {}, stdin = false): Promise<void> {
      const basic = basicSpec(runtime.rootfsPath(id), `${bed.cgroupParent}/${id}`);
      const spec = buildSpec({ ...basic, args: ['/bin/sh', '-c', script], ...change });
      await runtime.create({ id, name: id, spec, logPath: logOf(id), stdin, keepStdinOpen: false });
    }
    const exited = async (id: string) => {
      await expect.poll(() => runtime.state(id).status, { interval: 5 }).toBe('exited');
      return runtime.state(id);
    };

    test('none, created, running, exited, none', async () => {
      expect(runtime.state('nosuch')).toEqual({ status: 'none' });
      const id = await create('echo hello; while [ ! -e /end ]; do sleep 0.02; done; exit 7');
      expect(runtime.state(id)).toMatchObject({ status: 'created', startedAtMs: 0 });
      await runtime.start(id);
      expect(runtime.state(id).status).toBe('running');
      writeFileSync(`${runtime.rootfsPath(id)}/end`, '');
      expect(await exited(id)).toMatchObject({ exitCode: 7, lost: false, oomKilled: false });
      expect(readFileSync(logOf(id), 'utf8')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) stdout F hello\n$/);
      await runtime.delete(id);
      await runtime.delete(id);
      expect(runtime.state(id)).toEqual({ status: 'none' });
    });

    test('a short program is started, not lost', async () => {
      const ids = await Promise.all(Array.from({ length: 5 }, () => create('true')));
      await Promise.all(ids.map((id) => runtime.start(id)));
      for (const id of ids) expect(await exited(id)).toMatchObject({ exitCode: 0 });
    });

    test('start may be repeated, also when a crash came before it was written down', async () => {
      const id = await create('sleep 60');
      await runtime.start(id);
      await runtime.start(id);
      rmSync(`${runtime.rootfsPath(id)}/../started`, { force: true });
      await runtime.start(id);
      expect(runtime.state(id).status).toBe('running');
    });

    test('a creation that a crash cut off is made again', async () => {
      const id = await create('exit 5');
      rmSync(`${runtime.rootfsPath(id)}/../process.json`);
      expect(runtime.state(id)).toEqual({ status: 'none' });
      await createAgain(id, 'exit 6');
      await runtime.start(id);
      expect(await exited(id)).toMatchObject({ exitCode: 6 });
    });

    test('a program that is not there fails to be created, with its name in the message', async () => {
      await expect(create('', { args: ['nosuch'] })).rejects.toThrow(/nosuch/);
    });

    test('the end is told once, and also to a driver opened while it ran', async () => {
      const id = await create('while [ ! -e /end ]; do sleep 0.02; done');
      await runtime.start(id);
      runtime.close();
      runtime = bed.open();
      const told: string[] = [];
      runtime.onExit((ended) => told.push(ended));
      expect(runtime.state(id).status).toBe('running');
      writeFileSync(`${runtime.rootfsPath(id)}/end`, '');
      await expect.poll(() => told).toEqual([id]);
    });

    test('the end of a container whose monitor was killed is told too', async () => {
      const id = await create('sleep 60');
      await runtime.start(id);
      const told: string[] = [];
      runtime.onExit((ended) => told.push(ended));
      process.kill(Number(readFileSync(`${runtime.rootfsPath(id)}/../conmon.pid`, 'utf8')), 'SIGKILL');
      await expect.poll(() => runtime.kill(id, 'SIGKILL')).toBe(false);
      await expect.poll(() => told).toEqual([id]);
      expect(await exited(id)).toMatchObject({ lost: true });
    });

    test('kill reaches the first process, killAll every one', async () => {
      const id = await create('trap "exit 9" TERM; while :; do sleep 0.02; done');
      await runtime.start(id);
      await expect.poll(() => runtime.kill(id, 'SIGTERM'), { interval: 30 }).toBe(false); // until the trap is set, and then until it has ended
      expect(await exited(id)).toMatchObject({ exitCode: 9 });
      expect(runtime.kill(id, 'SIGTERM')).toBe(false);
      const stubborn = await create('trap "" TERM; sleep 60 & sleep 60');
      await runtime.start(stubborn);
      runtime.killAll(stubborn);
      expect(await exited(stubborn)).toMatchObject({ exitCode: 137 });
    });

    test('exec: streams, exit code, a program that is not there', async () => {
      const id = await create('sleep 60');
      await runtime.start(id);
      const process = { ...basicProcess(), args: ['/bin/sh', '-c', 'cat; echo err >&2; exit 3'] };
      const exec = await runtime.exec(id, { process, stdin: true });
      exec.stdin!.end('in');
      const [stdout, stderr, code] = await Promise.all([text(exec.stdout), text(exec.stderr!), exec.exit]);
      expect([stdout, stderr, code]).toEqual(['in', 'err\n', 3]);
      const missing = await runtime.exec(id, { process: { ...basicProcess(), args: ['nosuch'] }, stdin: false });
      missing.stdout.resume();
      missing.stderr?.resume();
      await expect(missing.exit).rejects.toThrow(/nosuch/);
    });

    test("exec without input has nothing to read, and what it is given is not the machine's", async () => {
      const id = await create('sleep 60');
      await runtime.start(id);
      const user = { uid: 1000, gid: 1000 };
      const exec = await runtime.exec(id, { process: { ...basicProcess(), user, args: ['/bin/sh', '-c', 'cat; echo end'] }, stdin: false });
      exec.stderr?.resume();
      expect(await Promise.all([text(exec.stdout), exec.exit])).toEqual(['end\n', 0]);
      expect(statSync('/dev/null').uid).toBe(0);
    });

    test('a terminal whose input ends still gives its output and exit code', async () => {
      const id = await create('sleep 60');
      await runtime.start(id);
      const process = { ...basicProcess(), terminal: true, args: ['/bin/sh', '-c', 'cat >/dev/null; echo after; exit 4'] };
      const exec = await runtime.exec(id, { process, stdin: true });
      const out = text(exec.stdout);
      exec.stdin!.end('typed\n');
      expect(await out).toContain('after');
      expect(await exec.exit).toBe(4);
    });

    test('a terminal gives the last words of a program that ends at once, or says why there is none', async () => {
      const id = await create('sleep 1000');
      await runtime.start(id);
      const onTerminal = (...args: string[]) => runtime.exec(id, { process: { ...basicProcess(), terminal: true, args }, stdin: true });
      const words = async () => {
        const exec = await onTerminal('/bin/echo', 'last words');
        return await Promise.all([text(exec.stdout), exec.exit]);
      };
      // runc may let a program write before it has told the inner terminal to leave newlines to ours
      for (let i = 0; i < 10; i++) expect(await words()).toEqual([expect.stringMatching(/^last words\r+\n$/), 0]);
      const missing = await onTerminal('nosuch');
      missing.stdout.resume();
      await expect(missing.exit).rejects.toThrow(/nosuch/);
    });

    test('a terminal has the size that it was given, and a later one', async () => {
      const id = await create('sleep 60');
      await runtime.start(id);
      const size = 'read go; stty size; read go; stty size'; // crun may start a program before its terminal has a size
      const consoleSize = { width: 100, height: 30 };
      const process = { ...basicProcess(), terminal: true, consoleSize, args: ['/bin/sh', '-c', size] };
      const exec = await runtime.exec(id, { process, stdin: true, ...consoleSize });
      let seen = '';
      exec.stdout.on('data', (chunk: Buffer) => (seen += chunk));
      exec.stdin!.write('go\n');
      await expect.poll(() => seen, { timeout: 60_000 }).toContain('30 100');
      exec.resize(120, 40);
      exec.stdin!.write('go\n');
      expect(await exec.exit).toBe(0);
      expect(seen).toContain('40 120');
    });
  });
}

const basicProcess = () => ({ user: { uid: 0, gid: 0 }, env: ['PATH=/bin'], cwd: '/', args: ['/bin/true'] });

function basicSpec(rootfs: string, cgroupsPath: string): SpecInput {
  return {
    rootfs,
    cgroupsPath,
    cgroupV2: false,
    args: [],
    env: ['PATH=/bin'],
    cwd: '/',
    terminal: false,
    user: { uid: 0, gid: 0, supplementalGroups: [] },
    capabilities: { add: [], drop: [] },
    availableCapabilities: ['KILL', 'CHOWN'],
    privileged: false,
    noNewPrivileges: true,
    readonlyRootfs: false,
    namespaces: { network: 'new', ipc: 'new', uts: 'new', pid: 'new' },
    resources: {},
    mounts: [],
    devices: [],
    annotations: {},
  };
}
