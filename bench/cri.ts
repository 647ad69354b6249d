// CRI v1 through its socket: what each call takes, and pods a second with several at once; beside Debian's containerd where that is
// installed. Both pull the same image, run runc, and are in network and mount namespaces of this run's own.
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { type CriServiceName, criMethods } from '../agent/cri-grpc/wire.ts';
import { busyboxArchive } from '../agent/images/testing.ts';
import { type ChildProcess, exitOf, run, runInteractive, start, tryRun } from '../kit/exec/index.ts';
import { cgroups, removeTree } from '../kit/linux/index.ts';
import { waitFor } from '../kit/run/index.ts';
import { rate, report, reportSamples, timed } from './measure.ts';

const INSIDE = 'WHERRY_BENCH_CRI';
const REGISTRY = '127.0.0.1:5000';
const IMAGE = `${REGISTRY}/bench:1`;
const ONE_BY_ONE = 40;
const PODS = 50;
const AT_ONCE = [4, 16];

if (!process.env[INSIDE]) {
  const namespaces = ['unshare', '--net', '--mount', '--propagation', 'private'] as const;
  process.exit(await runInteractive([...namespaces, process.execPath, import.meta.filename], { [INSIDE]: '1' }));
}

const work = mkdtempSync(`${tmpdir()}/wherry-bench-cri-`);
const cgroupParent = `/wherry-bench-cri-${process.pid}`;
const children: ChildProcess[] = [];

async function daemon(command: string, args: readonly string[]): Promise<void> {
  children.push(await start(command, args, { stdio: 'ignore' }));
}

class Runtime {
  readonly name: string;
  readonly #client: Client;
  #pods = 0;
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

  /** A pod with one container from nothing to gone; `took` gets what each call took. */
  async pod(took: (method: string, ms: number) => void): Promise<void> {
    const measured = async (method: string, message: object) => {
      let answer: any;
      took(method, await timed(async () => (answer = await this.call('RuntimeService', method, message))));
      return answer;
    };
    const config = podConfig(this.#pods++);
    const { podSandboxId } = await measured('RunPodSandbox', { config });
    const { containerId } = await measured('CreateContainer', { podSandboxId, config: CONTAINER, sandboxConfig: config });
    await measured('StartContainer', { containerId });
    await measured('ExecSync', { containerId, cmd: ['true'], timeout: 30 });
    await measured('StopPodSandbox', { podSandboxId });
    await measured('RemovePodSandbox', { podSandboxId });
  }

  async start(): Promise<string> {
    const config = podConfig(this.#pods++);
    const { podSandboxId } = await this.call('RuntimeService', 'RunPodSandbox', { config });
    const { containerId } = await this.call('RuntimeService', 'CreateContainer', {
      podSandboxId,
      config: CONTAINER,
      sandboxConfig: config,
    });
    await this.call('RuntimeService', 'StartContainer', { containerId });
    return podSandboxId;
  }

  async remove(podSandboxId: string): Promise<void> {
    await this.call('RuntimeService', 'StopPodSandbox', { podSandboxId });
    await this.call('RuntimeService', 'RemovePodSandbox', { podSandboxId });
  }
}

const CONTAINER = { metadata: { name: 'main' }, image: { image: IMAGE }, command: ['sleep', '1000'], logPath: 'main.log', linux: {} };

const podConfig = (n: number) => ({
  metadata: { name: `pod-${n}`, namespace: 'bench', uid: `bench-${n}` },
  hostname: `pod-${n}`,
  logDirectory: `${work}/logs/${n}`,
  linux: { cgroupParent: `${cgroupParent}/pod-${n}` },
});

async function measure(runtime: Runtime): Promise<void> {
  await runtime.call('ImageService', 'PullImage', { image: { image: IMAGE } });
  await runtime.pod(() => {}); // the first one loads what the others find
  const samples = new Map<string, number[]>();
  for (let i = 0; i < ONE_BY_ONE; i++) await runtime.pod((method, ms) => samples.set(method, [...(samples.get(method) ?? []), ms]));
  for (const [method, ms] of samples) reportSamples('cri', `${runtime.name} ${method}`, ms);
  for (const atOnce of AT_ONCE) {
    const ids: string[] = [];
    const value = await rate(PODS, atOnce, async () => ids.push(await runtime.start()));
    report({ bench: 'cri', what: `${runtime.name} ${PODS} pods, ${atOnce} at once`, unit: '1/s', value, samples: PODS });
    await rate(PODS, atOnce, (i) => runtime.remove(ids[i]!));
  }
}

async function served(runtime: Runtime): Promise<Runtime> {
  await waitFor({ what: runtime.name, timeoutMs: 30_000 }, () => runtime.call('RuntimeService', 'Version').then(Boolean, () => false));
  return runtime;
}

async function wherry(): Promise<Runtime> {
  const folder = `${work}/wherry`;
  const folders = { stateDir: `${folder}/state`, runDir: `${folder}/run`, imagesDir: `${folder}/images` };
  const config = { socket: `${folder}/cri.sock`, ...folders, cgroupParent: '/', bridge: 'wherry0', podCIDR: '10.98.0.0/16' };
  await daemon(process.execPath, [join(import.meta.dirname, '../dist/cri.js'), JSON.stringify(config)]);
  return await served(new Runtime('wherry', config.socket));
}

/** Undefined where it is not installed. The plugins of its network are looked for beside it, where Debian has them. */
async function containerd(): Promise<Runtime | undefined> {
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
  sandbox_image = "${IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${folder}/net"
`,
  );
  await daemon('containerd', ['--config', `${folder}/config.toml`]);
  return await served(new Runtime('containerd', `${folder}/containerd.sock`));
}

try {
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
  const archive = await busyboxArchive(work, 'bench:1', { Cmd: ['sleep', 'infinity'] });
  await run('skopeo', [
    'copy',
    '--quiet',
    '--insecure-policy',
    '--dest-tls-verify=false',
    `docker-archive:${archive}`,
    `docker://${IMAGE}`,
  ]);
  await measure(await wherry());
  const other = await containerd();
  if (other) await measure(other);
  else process.stderr.write('containerd and its network plugins are not installed: nothing to compare with\n');
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map(exitOf));
  cgroups().kill(cgroupParent);
  await cgroups().remove(cgroupParent);
  await removeTree(work);
}
process.exit();
