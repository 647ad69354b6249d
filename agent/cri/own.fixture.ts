// Test fixture: opens our own service below a folder: in tests, and in the processes that tests kill.
import { type CgroupDriverName, openPodCgroups } from '../../kit/linux/index.ts';
import { silentLogger } from '../../kit/run/index.ts';
import type { RuntimeProgram } from '../runtime/index.ts';
import { createCri } from './index.ts';

interface OwnPlace {
  folder: string;
  /** The node's network namespace. */
  node: string;
  cgroupParent: string;
  cgroupDriver?: CgroupDriverName;
}

export const openOwn = async ({ folder, node, cgroupParent, cgroupDriver = 'cgroupfs' }: OwnPlace, runtime: RuntimeProgram) =>
  await createCri({
    stateDir: `${folder}/state`,
    runDir: `${folder}/run`,
    imagesDir: `${folder}/images`,
    runtime,
    groups: await openPodCgroups(cgroupDriver, cgroupParent),
    cni: { bridge: 'wherry0', subnet: '10.244.9.0/24', nodeNetns: node },
    log: silentLogger,
  });
