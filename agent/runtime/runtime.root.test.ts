// The contract for runc, and for crun where the mount namespace is one of our own (crun refuses the machine's hybrid cgroups).
import { copyFileSync, mkdirSync, mkdtempSync, readlinkSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, test } from 'vitest';
import { cgroupLayout, cgroups, openPodCgroups, removeTree } from '../../kit/linux/index.ts';
import { OciRuntime } from './index.ts';
import { type RuntimeBed, runtimeContract } from './runtime.contract.ts';

const bedOf = (runtime: 'runc' | 'crun') => async (): Promise<RuntimeBed> => {
  const folder = mkdtempSync(`${tmpdir()}/wherry-runtime-`);
  const lower = `${folder}/lower`;
  mkdirSync(`${lower}/bin`, { recursive: true });
  copyFileSync('/bin/busybox', `${lower}/bin/busybox`);
  for (const applet of ['sh', 'sleep', 'true', 'cat', 'echo', 'stty']) symlinkSync('busybox', `${lower}/bin/${applet}`);
  const cgroupParent = `/wherry-test-${runtime}-${process.pid}`;
  const groups = await openPodCgroups('cgroupfs', cgroupParent);
  return {
    folder,
    lower,
    cgroupParent,
    open: () =>
      new OciRuntime({
        runtime: { path: runtime },
        root: `${folder}/run`,
        groups,
        onError: (error) => {
          throw error;
        },
      }),
    async dispose() {
      await cgroups().remove(cgroupParent);
      await removeTree(folder);
    },
  };
};

runtimeContract('runc', bedOf('runc'));

const isOwnMountNamespace = readlinkSync('/proc/self/ns/mnt') !== readlinkSync('/proc/2/ns/mnt');
if (cgroupLayout() !== 'hybrid' || isOwnMountNamespace) runtimeContract('crun', bedOf('crun'));
else
  describe('runtime contract: crun', () =>
    test.skip('needs a mount namespace of its own on hybrid cgroups: unshare -m vitest run --project root', () => {}));
