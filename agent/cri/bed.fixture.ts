// Test fixture: our own service on one OCI runtime, one node in a namespace of its own.
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import {
  type CgroupDriverName,
  cgroups,
  createNamedNetns,
  homeFirst,
  mountsBelow,
  removeSlice,
  removeTree,
  unpinNamespace,
} from '../../kit/linux/index.ts';
import type { RuntimeProgram } from '../runtime/index.ts';
import type { CriBed } from './cri.contract.ts';
import { openOwn } from './own.fixture.ts';

export interface OwnBed extends CriBed {
  /** The node's network namespace. */
  node: string;
}

interface OwnBedOptions {
  /** What the service puts pods' cgroups below; a client of it may name the bed's own itself. */
  below?: string;
  cgroupDriver?: CgroupDriverName;
}

export async function ownBed(runtime: RuntimeProgram, { below, cgroupDriver = 'cgroupfs' }: OwnBedOptions = {}): Promise<OwnBed> {
  await homeFirst();
  const folder = mkdtempSync(`${tmpdir()}/wherry-cri-`);
  chmodSync(folder, 0o711); // pods with users of their own come through it
  const node = `${folder}/node`;
  const cgroupParent = `/wherry-test-${folder.split('-').at(-1)}`;
  createNamedNetns(node);
  return {
    folder,
    node,
    cgroupParent,
    cgroupDriver,
    open: () => openOwn({ folder, node, cgroupParent: below ?? cgroupParent, cgroupDriver }, runtime),
    expectClean: () => expect(mountsBelow(`${folder}/run`)).toEqual([]),
    async dispose() {
      unpinNamespace(node);
      await cgroups().remove(cgroupParent);
      await removeSlice(cgroupParent);
      await removeTree(folder);
    },
  };
}
