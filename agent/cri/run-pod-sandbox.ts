// RunPodSandbox: cgroup, pinned namespaces, shared memory, network. No process is needed to hold them. Each step may be repeated, so a
// sandbox that a crash left half made is finished by asking for it again.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bootId, expectGroupMove, inNetns, isMounted, mountSysfs, mountTmpfs } from '../../kit/linux/index.ts';
import { step, systemClock } from '../../kit/run/index.ts';
import { type CriContext, IF_NAME, messageOf, newId, podCgroup, sandboxFile, usesPodIpc, usesPodNetwork } from './context.ts';
import { CriError, type PodSandboxConfig } from './cri.ts';
import { checkHostPorts, updateHostPorts } from './host-ports.ts';
import { startPidHolder } from './pid-holder.ts';
import type { SandboxRecord } from './records.ts';
import { toCgroupLimits } from './resources.ts';
import { makeNamespaces } from './sandbox-namespaces.ts';
import { isSandboxReady } from './sandbox-status.ts';
import { tearDownSandbox } from './stop-pod-sandbox.ts';
import { checkUsers, mountLayers } from './user-namespace.ts';

const SHM_BYTES = 64 << 20;

export async function runPodSandbox(context: CriContext, config: PodSandboxConfig): Promise<string> {
  const { namespace, name, uid, attempt } = config.metadata;
  checkHostPorts(config);
  checkHandler(context, config);
  await checkUsers(context, config);
  return await context.turns.take(`run/${namespace}/${name}/${uid}/${attempt}`, async () => {
    const before = context.sandboxes
      .all()
      .find(({ config: { metadata: m } }) => m.uid === uid && m.attempt === attempt && m.name === name && m.namespace === namespace);
    if (before && isSandboxReady(context, before)) return before.id;
    if (before?.state === 'notready')
      throw new CriError(
        'FailedCreatePodSandBox',
        `sandbox ${before.id} of pod ${namespace}/${name} attempt ${attempt} was stopped already`,
      );
    const record: SandboxRecord = before ?? {
      id: newId(),
      config,
      createdAtMs: systemClock.nowMs(),
      state: 'creating',
      bootId: bootId(),
      ips: [],
    };
    expectGroupMove(); // of its containers
    try {
      step('sandbox.record', () => context.sandboxes.put(record));
      await build(context, record);
    } catch (error) {
      await tearDownSandbox(context, record).catch((cause: unknown) =>
        context.log.warn({ sandbox: record.id, error: messageOf(cause) }, 'cleaning up a failed sandbox'),
      );
      await context.sandboxes.remove(record.id);
      throw new CriError('FailedCreatePodSandBox', messageOf(error), error);
    }
    return record.id;
  });
}

/** @throws CriError in the words that pods' events show with other runtimes too */
function checkHandler({ runtime }: CriContext, { runtimeHandler = '' }: PodSandboxConfig): void {
  if (runtimeHandler === '' || runtimeHandler === runtime.name || runtime.handlers.includes(runtimeHandler)) return;
  throw new CriError('FailedCreatePodSandBox', `failed to get sandbox runtime: no runtime for "${runtimeHandler}" is configured`);
}

async function build(context: CriContext, record: SandboxRecord): Promise<void> {
  const { id, config } = record;
  await step('sandbox.cgroup', async () => {
    await context.groups.create(podCgroup(context, record));
    if (config.linux?.resources) await context.groups.apply(podCgroup(context, record), toCgroupLimits(config.linux.resources));
  });
  if (config.logDirectory) mkdirSync(config.logDirectory, { recursive: true });
  await step('sandbox.namespaces', () => makeNamespaces(context, record));
  if (config.linux?.namespaces?.user) step('sandbox.layers', () => mountLayers(context, record));
  step('sandbox.shared-memory', () => makeSharedMemory(context, record));
  if (config.linux?.privileged) step('sandbox.sysfs', () => openSysfs(context, record));
  if (config.dns) writeFileSync(sandboxFile(context, id, 'resolv.conf'), resolvConf(config.dns));
  if (config.linux?.namespaces?.pid === 'pod') await step('sandbox.pid-holder', () => startPidHolder(context, record));
  let ips: string[] = [];
  if (usesPodNetwork(config)) {
    const attachment = { containerId: id, netnsPath: sandboxFile(context, id, 'net'), ifName: IF_NAME };
    const result = await step('sandbox.network', () => context.network.add(attachment));
    ips = result.ips.map(({ address }) => address.split('/')[0]!);
  }
  writeFileSync(
    sandboxFile(context, id, 'hosts'),
    usesPodNetwork(config) ? hostsFile(config.hostname, ips) : readFileSync('/etc/hosts', 'utf8'),
  );
  const ready: SandboxRecord = { ...record, bootId: bootId(), state: 'ready', ips };
  step('sandbox.ready-record', () => context.sandboxes.put(ready));
  await step('sandbox.host-ports', () => updateHostPorts(context, ready));
}

/** resolv.conf(5). A client that names no servers means the host's own. */
function resolvConf({ servers, searches, options }: NonNullable<PodSandboxConfig['dns']>): string {
  if (servers.length + searches.length + options.length === 0) return readFileSync('/etc/resolv.conf', 'utf8');
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** For containers whose client mounts none: names of the loopback, and the pod's own. */
const hostsFile = (hostname: string, ips: readonly string[]): string =>
  [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...ips.map((ip) => `${ip}\t${hostname}`),
    '',
  ].join('\n');

/**
 * All mounts of /sys in one network namespace are for reading only when the first of them was: an ordinary container that starts before a
 * privileged one would close it for that one too. Users of a pod's own cannot share a mount with the machine's.
 */
function openSysfs(context: CriContext, { id, config }: SandboxRecord): void {
  const sys = sandboxFile(context, id, 'sys');
  if (!usesPodNetwork(config) || config.linux?.namespaces?.user || isMounted(sys)) return;
  mkdirSync(sys, { recursive: true });
  inNetns(sandboxFile(context, id, 'net'), () => mountSysfs(sys));
}

/** /dev/shm and /etc/hostname are one for all containers of the pod. */
function makeSharedMemory(context: CriContext, { id, config }: SandboxRecord): void {
  const shm = sandboxFile(context, id, 'shm');
  mkdirSync(shm, { recursive: true });
  if (usesPodIpc(config) && !isMounted(shm)) mountTmpfs(shm, { sizeBytes: SHM_BYTES, mode: 0o1777 });
  if (usesPodNetwork(config)) writeFileSync(sandboxFile(context, id, 'hostname'), `${config.hostname}\n`);
}
