// The walk-through of ./scripts/up, asserted: a cluster of three nodes, unmodified kubectl, real containers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Cluster, startCluster } from '../../rig/index.ts';
import type { Walker } from './context.ts';
import { steps } from './steps.ts';

describe('walk-through', () => {
  let cluster: Cluster;
  let dir: string;
  let failed = false;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'wherry-walk-'));
    cluster = await startCluster({ nodes: 3 });
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  // Each step builds on the one before.
  for (const step of steps) {
    test(step.title, async (context) => {
      if (failed) context.skip('an earlier step failed');
      failed = true;
      const lines: string[] = [];
      const walker: Walker = { ...cluster, dir, say: (text) => lines.push(text) };
      try {
        await step.run(walker);
      } catch (error) {
        throw new Error(`${(error as Error).message}\n--- shown before:\n${lines.join('\n')}`, { cause: error });
      }
      failed = false;
    });
  }
});
