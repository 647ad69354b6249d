// Test fixture: a containerd of the test's own: network and mount namespaces, folders, cgroups and socket that nobody else sees.
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import { identify, run, sendSignal, start, tryRun } from '../../kit/exec/index.ts';
import { cgroups, createNamedNetns, homeFirst, openPodCgroups, removeTree, unpinNamespace } from '../../kit/linux/index.ts';
import { silentLogger, waitFor } from '../../kit/run/index.ts';
import type { CriBed } from '../cri/cri.contract.ts';
import { createRemoteCri } from './index.ts';

const SUBNET = '10.244.8.0/24';

export interface ContainerdBed extends CriBed {
  socket: string;
  /** kill -9 of the daemon, and a new one on the same state. */
  restart(): Promise<void>;
}

/** `makePause`: writes the archive of the image that holds sandboxes, `wherry/pause:1`, into a folder. */
export async function containerdBed(makePause: (folder: string) => Promise<string>): Promise<ContainerdBed> {
  await homeFirst();
  const folder = mkdtempSync(`${tmpdir()}/wherry-ctd-`);
  const node = `${folder}/node`;
  const socket = `${folder}/containerd.sock`;
  const cgroupParent = `/wherry-test-${folder.split('-').at(-1)}`;
  createNamedNetns(node);
  writeConfiguration(folder, socket);
  // the holder keeps the mount namespace, so that a daemon that is started again finds its containers' mounts
  const holder = await start('nsenter', [`--net=${node}`, 'unshare', '--mount', 'sleep', 'infinity'], { stdio: 'ignore' });
  const inside = ['--target', String(holder.pid), '--net', '--mount', '--'];
  const log = openSync(`${folder}/containerd.log`, 'a');
  let daemon = 0;
  const startDaemon = async () => {
    const child = await start('nsenter', [...inside, 'containerd', '--config', `${folder}/config.toml`], { stdio: ['ignore', log, log] });
    daemon = child.pid ?? 0;
    await waitFor({ what: 'containerd', timeoutMs: 60_000 }, async () => {
      const { failure } = await tryRun('ctr', ['--address', socket, 'version'], { timeoutMs: 5_000 });
      return !failure;
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${readFileSync(`${folder}/containerd.log`, 'utf8').slice(-2000)}`, { cause: error });
    });
  };
  const stopDaemon = async (signal: 'SIGTERM' | 'SIGKILL') => {
    sendSignal(daemon, signal);
    await waitFor({ what: 'the end of containerd', timeoutMs: 60_000 }, () => identify(daemon) === undefined);
  };
  await waitFor({ what: 'the mount namespace', timeoutMs: 60_000 }, async () => !(await tryRun('nsenter', [...inside, 'true'])).failure);
  await run('nsenter', [...inside, 'ip', 'link', 'set', 'lo', 'up']); // its streaming server listens there
  await startDaemon();
  const pause = await makePause(folder);
  await run('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', pause]);
  return {
    folder,
    socket,
    cgroupParent,
    open: async () =>
      await createRemoteCri({
        socket,
        groups: await openPodCgroups('cgroupfs', cgroupParent),
        cni: { bridge: 'wherry0', subnet: SUBNET, nodeNetns: node },
        networkFolders: { confDir: `${folder}/net.d`, binDir: `${folder}/bin` },
        stateDir: `${folder}/state`,
        log: silentLogger,
      }),
    expectClean: () => expect(cgroups().pids(cgroupParent)).toEqual([]),
    async restart() {
      await stopDaemon('SIGKILL');
      await startDaemon();
    },
    async dispose() {
      await stopDaemon('SIGTERM');
      sendSignal(holder.pid ?? 0, 'SIGKILL');
      closeSync(log);
      unpinNamespace(node);
      await cgroups().remove(cgroupParent);
      await removeTree(folder);
    },
  };
}

function writeConfiguration(folder: string, socket: string): void {
  writeFileSync(
    `${folder}/config.toml`,
    `version = 2
root = "${folder}/root"
state = "${folder}/run"
[ttrpc]
  address = "${socket}.ttrpc"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/wherry/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${folder}/bin"
    conf_dir = "${folder}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`,
  );
}
