// Runtimes and a registry for benchmarks: daemons of the run's own, in its own network and mount namespaces.
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { type CriServiceName, criMethods } from '../agent/cri-grpc/wire.ts';
import { type ChildProcess, exitOf, run, runInteractive, start, tryRun } from '../kit/exec/index.ts';
import { cgroups, removeTree } from '../kit/linux/index.ts';
import { waitFor } from '../kit/run/index.ts';

const INSIDE = 'WHERRY_BENCH_INSIDE';
export const REGISTRY = '127.0.0.1:5000';

// Who imports this runs again, in namespaces of its own.
if (!process.env[INSIDE]) {
  const namespaces = ['unshare', '--net', '--mount', '--propagation', 'private'] as const;
  process.exit(await runInteractive([...namespaces, process.execPath, ...process.argv.slice(1)], { [INSIDE]: '1' }));
}

/** The run's own folder and cgroup, gone after `cleanUp`. */
export const work = mkdtempSync(`${tmpdir()}/wherry-bench-cri-`);
export const cgroupParent = `/wherry-bench-cri-${process.pid}`;
const children: ChildProcess[] = [];

async function daemon(command: string, args: readonly string[]): Promise<void> {
  children.push(await start(command, args, { stdio: 'ignore' }));
}

/** A client of a CRI runtime. */
export class Runtime {
  readonly name: string;
  readonly #client: Client;
  constructor(name: string, socket: string) {
    this.name = name;
    this.#client = new Client(`unix://${socket}`, credentials.createInsecure());
  }

  call(service: CriServiceName, method: string, message: object = {}): Promise<any> {
    const { path, requestSerialize, responseDeserialize } = criMethods(service)[method]!;
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    const done = (error: ServiceError | null, answer?: object) => (error ? reject(error) : resolve(answer!));
    this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, { deadline: Date.now() + 120_000 }, done);
    return promise;
  }
}

async function served(runtime: Runtime): Promise<Runtime> {
  await waitFor({ what: runtime.name, timeoutMs: 30_000 }, () => runtime.call('RuntimeService', 'Version').then(Boolean, () => false));
  return runtime;
}

export async function wherry(): Promise<Runtime> {
  const folder = `${work}/wherry`;
  const folders = { stateDir: `${folder}/state`, runDir: `${folder}/run`, imagesDir: `${folder}/images` };
  const config = { socket: `${folder}/cri.sock`, ...folders, cgroupParent: '/', bridge: 'wherry0', podCIDR: '10.98.0.0/16' };
  await daemon(process.execPath, [join(import.meta.dirname, '../dist/cri.js'), JSON.stringify(config)]);
  return await served(new Runtime('wherry', config.socket));
}

/** Undefined where it is not installed. The plugins of its network are looked for beside it, where Debian has them. */
export async function containerd(sandboxImage: string): Promise<Runtime | undefined> {
  const { stdout, failure } = await tryRun('sh', ['-c', 'command -v containerd']);
  const plugins = join(dirname(stdout.trim()), '../lib/cni');
  if (failure || !existsSync(`${plugins}/bridge`)) return undefined;
  const folder = `${work}/containerd`;
  mkdirSync(`${folder}/net`, { recursive: true });
  const range = [[{ subnet: '10.99.0.0/16' }]];
  const bridge = {
    type: 'bridge',
    bridge: 'ctd0',
    isGateway: true,
    ipMasq: true,
    ipam: { type: 'host-local', ranges: range, dataDir: `${folder}/ipam` },
  };
  writeFileSync(`${folder}/net/10-bench.conflist`, JSON.stringify({ cniVersion: '0.4.0', name: 'bench', plugins: [bridge] }));
  writeFileSync(
    `${folder}/config.toml`,
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${folder}/net"
`,
  );
  await daemon('containerd', ['--config', `${folder}/config.toml`]);
  return await served(new Runtime('containerd', `${folder}/containerd.sock`));
}

/** On loopback, with these docker-archives by name (`bench:1`). */
export async function registry(archives: Readonly<Record<string, string>>): Promise<void> {
  await run('ip', ['link', 'set', 'lo', 'up']);
  writeFileSync(
    `${work}/registry.yml`,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${work}/registry}}\nhttp: {addr: '${REGISTRY}'}\n`,
  );
  await daemon('docker-registry', ['serve', `${work}/registry.yml`]);
  await waitFor({ what: 'the registry', timeoutMs: 20_000 }, () =>
    fetch(`http://${REGISTRY}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const flags = ['--quiet', '--insecure-policy', '--dest-tls-verify=false'];
  for (const [name, archive] of Object.entries(archives))
    await run('skopeo', ['copy', ...flags, `docker-archive:${archive}`, `docker://${REGISTRY}/${name}`], { timeoutMs: 120_000 });
}

/** Says which of the programs are missing. */
export async function missing(...programs: string[]): Promise<string[]> {
  const found = await Promise.all(programs.map((program) => tryRun('sh', ['-c', 'command -v "$1"', 'sh', program])));
  return programs.filter((_, index) => found[index]!.failure !== undefined);
}

export async function cleanUp(): Promise<void> {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map(exitOf));
  cgroups().kill(cgroupParent);
  await cgroups().remove(cgroupParent);
  await removeTree(work);
}
