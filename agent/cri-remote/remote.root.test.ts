// The contract through sockets: our own service's, and containerd's.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { openPodCgroups } from '../../kit/linux/index.ts';
import { silentLogger, systemClock } from '../../kit/run/index.ts';
import { ownBed } from '../cri/bed.fixture.ts';
import { type CriBed, criContract } from '../cri/cri.contract.ts';
import { criServer } from '../cri-grpc/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import { containerdBed } from './containerd.fixture.ts';
import { createRemoteCri } from './index.ts';

const PLACE = { cni: { bridge: 'wherry0', subnet: '10.244.9.0/24' }, stateDir: '/none', log: silentLogger };
const pause = (folder: string) => busyboxArchive(folder, 'wherry/pause:1', { Entrypoint: ['sleep', '2147483647'], Cmd: [] });

/** Our own service behind its socket, all in this process. */
async function socketBed(): Promise<CriBed> {
  // its client names cgroups from the root, as kubelet does
  const own = await ownBed({ path: 'runc' }, { below: '/' });
  const socket = `${own.folder}/cri.sock`;
  const cri = await own.open();
  const options = { socket, streamingAddress: '127.0.0.1', imagesFolder: `${own.folder}/images`, cri, clock: systemClock };
  const server = await criServer({ ...options, log: silentLogger }).start(new AbortController().signal);
  return {
    ...own,
    async open() {
      const remote = await createRemoteCri({ socket, groups: await openPodCgroups('cgroupfs', own.cgroupParent), ...PLACE });
      return { ...remote, loadImage: (tar) => cri.loadImage(tar) }; // what CRI has no call for
    },
    async dispose() {
      await server.stop();
      await cri.close();
      await own.dispose();
    },
  };
}

criContract('our own service through its socket', { network: '10.244.9', make: socketBed });

if (existsSync('/usr/bin/containerd')) {
  criContract('containerd', {
    network: '10.244.8',
    make: () => containerdBed(pause),
    lacks: {
      'numeric user': 'containerd 1.6 does not tell it',
      'exec ended by its client': 'containerd leaves the process',
    },
  });

  test('a runtime that was killed and started again is used again', async () => {
    const bed = await containerdBed(pause);
    const cri = await bed.open();
    try {
      const logDirectory = `${bed.folder}/logs`;
      const id = await cri.runPodSandbox({ metadata: { name: 'a', namespace: 'b', uid: 'c', attempt: 0 }, hostname: 'a', logDirectory });
      await bed.restart();
      await expect.poll(async () => (await cri.podSandboxStatus(id)).state).toBe('ready');
      await cri.removePodSandbox(id);
    } finally {
      await cri.close();
      await bed.dispose();
    }
  });
} else describe('cri contract: containerd', () => test.skip('containerd is not installed: scripts/test-runtimes installs it', () => {}));

test('a socket that is not there is told by name', async () => {
  const folder = mkdtempSync(`${tmpdir()}/wherry-nosock-`);
  const groups = await openPodCgroups('cgroupfs', '/none');
  await expect(createRemoteCri({ socket: `${folder}/x.sock`, groups, ...PLACE })).rejects.toThrow(
    `no container runtime at unix://${folder}/x.sock: the socket is not there`,
  );
  rmSync(folder, { recursive: true });
});
