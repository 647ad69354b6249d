// What conmon and the runtime take by themselves, run inside a node: the bundle of a container that runs there, made and started again and
// again with a cgroup and an id of its own, by nothing but the two programs. Prints the milliseconds of each as JSON: created, running.
// node bench/floor-loop.ts BUNDLE RUNTIME COUNT
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

const [original = '', name = '', count = ''] = process.argv.slice(2);
const folder = mkdtempSync(`${dirname(dirname(original))}/floor-`);
const config = JSON.parse(readFileSync(`${original}/config.json`, 'utf8')) as { root: { path: string }; linux: { cgroupsPath: string } };
const program = promisify(execFile);
const runtime = (await program('sh', ['-c', 'command -v "$1"', 'sh', name])).stdout.trim();
const runtimeRoot = ['--root', `${folder}/r`];
// what is given to it in a cluster too
const env = { ...process.env, ...(name === 'runc' ? { GOMAXPROCS: '1' } : {}) };

function conmon(id: string, bundle: string): ChildProcess {
  const args = ['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id, '--runtime', runtime];
  for (const arg of runtimeRoot) args.push('--runtime-arg', arg);
  args.push('--bundle', bundle, '--persist-dir', `${bundle}/persist`, '--exit-dir', `${folder}/exits`);
  args.push(
    '--container-pidfile',
    `${bundle}/pidfile`,
    '--log-path',
    `k8s-file:${bundle}/log`,
    '--log-level',
    'error',
    '--full-attach',
    '--no-sync-log',
  );
  return spawn('conmon', args, { env: { ...env, _OCI_SYNCPIPE: '3' }, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
}

/** The pid that conmon tells. */
async function answer(child: ChildProcess): Promise<void> {
  const sync = child.stdio[3] as Readable;
  const [text] = (await Promise.race([once(sync, 'data'), once(sync, 'end')])) as [Buffer?];
  if (!text) throw new Error('conmon ended without an answer');
  const { data, message } = JSON.parse(text.toString()) as { data: number; message?: string };
  if (data <= 0) throw new Error(message);
}

async function startOnce(id: string): Promise<[created: number, running: number]> {
  const bundle = `${folder}/${id}`;
  mkdirSync(`${bundle}/persist`, { recursive: true });
  const own = { ...config, root: { ...config.root, path: `${original}/rootfs` } };
  writeFileSync(
    `${bundle}/config.json`,
    JSON.stringify({ ...own, linux: { ...own.linux, cgroupsPath: `${own.linux.cgroupsPath}-${id}` } }),
  );
  const begun = performance.now();
  await answer(conmon(id, bundle));
  const created = performance.now() - begun;
  await program(runtime, [...runtimeRoot, 'start', id], { env });
  const running = performance.now() - begun;
  await program(runtime, [...runtimeRoot, 'delete', '--force', id]);
  return [created, running];
}

try {
  mkdirSync(`${folder}/exits`);
  const samples = [];
  for (let i = 0; i < Number(count); i++) samples.push(await startOnce(`floor-${i}`));
  console.log(JSON.stringify(samples));
} finally {
  rmSync(folder, { recursive: true });
}
