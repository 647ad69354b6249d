// CRI v1 through its socket: what each call takes, pods a second with several at once, memory beside a container; beside Debian's
// containerd where that is installed. Both pull the same image, run runc, and are in network and mount namespaces of this run's own.
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { busyboxArchive } from '../agent/images/testing.ts';
import { pssBytes } from '../rig/index.ts';
import { cgroupParent, cleanUp, containerd, missing, REGISTRY, type Runtime, registry, wherry, work } from './cri-runtimes.ts';
import { rate, report, reportSamples, timed } from './measure.ts';

const IMAGE = `${REGISTRY}/bench:1`;
const ONE_BY_ONE = 40;
const PODS = 50;
const AT_ONCE = [4, 16];

let pods = 0;

/** A pod with one container from nothing to gone; `took` gets what each call took. */
async function wholePod(runtime: Runtime, took: (method: string, ms: number) => void): Promise<void> {
  const measured = async (method: string, message: object) => {
    let answer: any;
    took(method, await timed(async () => (answer = await runtime.call('RuntimeService', method, message))));
    return answer;
  };
  const config = podConfig(pods++);
  const { podSandboxId } = await measured('RunPodSandbox', { config });
  const { containerId } = await measured('CreateContainer', { podSandboxId, config: CONTAINER, sandboxConfig: config });
  await measured('StartContainer', { containerId });
  await measured('ExecSync', { containerId, cmd: ['true'], timeout: 30 });
  await measured('StopPodSandbox', { podSandboxId });
  await measured('RemovePodSandbox', { podSandboxId });
}

async function startPod(runtime: Runtime): Promise<string> {
  const config = podConfig(pods++);
  const { podSandboxId } = await runtime.call('RuntimeService', 'RunPodSandbox', { config });
  const { containerId } = await runtime.call('RuntimeService', 'CreateContainer', {
    podSandboxId,
    config: CONTAINER,
    sandboxConfig: config,
  });
  await runtime.call('RuntimeService', 'StartContainer', { containerId });
  return podSandboxId;
}

async function removePod(runtime: Runtime, podSandboxId: string): Promise<void> {
  await runtime.call('RuntimeService', 'StopPodSandbox', { podSandboxId });
  await runtime.call('RuntimeService', 'RemovePodSandbox', { podSandboxId });
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
  await wholePod(runtime, () => {}); // the first one loads what the others find
  const samples = new Map<string, number[]>();
  for (let i = 0; i < ONE_BY_ONE; i++) await wholePod(runtime, (method, ms) => samples.set(method, [...(samples.get(method) ?? []), ms]));
  for (const [method, ms] of samples) reportSamples('cri', `${runtime.name} ${method}`, ms);
  for (const atOnce of AT_ONCE) {
    const ids: string[] = [];
    const value = await rate(PODS, atOnce, async () => ids.push(await startPod(runtime)));
    report({ bench: 'cri', what: `${runtime.name} ${PODS} pods, ${atOnce} at once`, unit: '1/s', value, samples: PODS });
    if (atOnce === AT_ONCE[0])
      report({ bench: 'cri', what: `${runtime.name} memory beside a container (PSS)`, unit: 'MB', value: besideContainers() / PODS / 1e6 });
    await rate(PODS, atOnce, (i) => removePod(runtime, ids[i]!));
  }
}

/** Memory of the processes that stay with each running container of this run: conmon, or containerd's shim. */
function besideContainers(): number {
  let bytes = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [program = '', ...args] = commandLine(pid);
    if (/^(conmon|containerd-shim)/.test(basename(program)) && args.some((arg) => arg.startsWith(work))) bytes += pssBytes(Number(pid));
  }
  return bytes;
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it ended while we looked
  }
}

try {
  const lacking = await missing('docker-registry', 'skopeo');
  if (lacking.length > 0) throw new Error(`not installed: ${lacking.join(', ')}`);
  await registry({ 'bench:1': await busyboxArchive(work, 'bench:1', { Cmd: ['sleep', 'infinity'] }) });
  await measure(await wherry());
  const other = await containerd(IMAGE);
  if (other) await measure(other);
  else process.stderr.write('containerd and its network plugins are not installed: nothing to compare with\n');
} finally {
  await cleanUp();
}
process.exit();
