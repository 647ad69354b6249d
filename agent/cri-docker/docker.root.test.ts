// The contract on Docker Engine: a daemon of the test's own, in namespaces and folders that nobody else sees.
import { closeSync, existsSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { identify, sendSignal, start, tryRun } from '../../kit/exec/index.ts';
import { cgroups, createNamedNetns, homeFirst, openPodCgroups, removeTree, unpinNamespace } from '../../kit/linux/index.ts';
import { silentLogger, waitFor } from '../../kit/run/index.ts';
import { type CriBed, criContract } from '../cri/cri.contract.ts';
import { availableCapabilities } from '../runtime/index.ts';
import { createDockerCri } from './index.ts';
import { pauseArchive } from './pause-image.ts';

async function dockerBed(): Promise<CriBed> {
  await homeFirst();
  const folder = mkdtempSync(`${tmpdir()}/wherry-dkr-`);
  const [node, socket] = [`${folder}/node`, `${folder}/docker.sock`];
  const cgroupParent = `/wherry-test-${folder.split('-').at(-1)}`;
  createNamedNetns(node);
  const log = openSync(`${folder}/dockerd.log`, 'a');
  const settings = ['--data-root', `${folder}/docker`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/docker.pid`];
  const isolation = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--host', `unix://${socket}`];
  const daemon = await start('nsenter', [`--net=${node}`, 'unshare', '--mount', 'dockerd', ...settings, ...isolation], {
    stdio: ['ignore', log, log],
  });
  await waitFor(
    { what: 'dockerd', timeoutMs: 60_000, everyMs: 100 },
    async () => existsSync(socket) && !(await tryRun('curl', ['-sf', '--unix-socket', socket, 'http://d/_ping'])).failure,
  );
  return {
    folder,
    cgroupParent,
    open: async () =>
      await createDockerCri({
        socket,
        groups: await openPodCgroups('cgroupfs', cgroupParent),
        cni: { bridge: 'wherry0', subnet: '10.244.7.0/24', nodeNetns: node },
        stateDir: `${folder}/state`,
        log: silentLogger,
      }),
    expectClean: () => expect(cgroups().pids(cgroupParent)).toEqual([]),
    async dispose() {
      sendSignal(daemon.pid ?? 0, 'SIGTERM');
      await waitFor({ what: 'the end of dockerd', timeoutMs: 60_000 }, () => identify(daemon.pid ?? 0) === undefined);
      closeSync(log);
      unpinNamespace(node);
      await cgroups().remove(cgroupParent);
      await removeTree(folder);
    },
  };
}

if (existsSync('/usr/sbin/dockerd'))
  criContract('docker', {
    network: '10.244.7',
    make: dockerBed,
    lacks: {
      'log rotation': 'Docker rotates by itself',
      'numeric user': 'Docker does not resolve names',
      'user at create': 'Docker looks users up when it starts the container',
      ...(availableCapabilities().includes('SYS_RESOURCE') ? {} : { privileged: 'Docker wants all capabilities, some are missing here' }),
    },
  });
else describe('cri contract: docker', () => test.skip('dockerd is not installed: scripts/test-runtimes installs it', () => {}));

test('the pause image is for x86-64 only', () => expect(() => pauseArchive('arm64')).toThrow('no pause image for arm64'));
