// The program that scripts/test-vm runs in its machine: one cluster, the steps in order, a line each, and what is not tried and why.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GiveUp, waitFor } from '../../kit/run/index.ts';
import { attachCluster, type Cluster, down, up } from '../../rig/index.ts';
import { layoutOf } from '../../rig/layout.ts';
import { Guest, NODE, SLOW_MS } from './guest.ts';
import { PIDS_MAX, skipped, steps } from './steps.ts';

/** A part of the titles of those that are to run. */
const [only = '', runtime = 'runc'] = process.argv.slice(2);
const name = 'vm';

/** Each attempt waits for a minute: too short for an emulated machine, but what one attempt has started the next finds running. */
async function slowCluster(): Promise<Cluster> {
  const { settings } = layoutOf(name).node(NODE);
  await mkdir(dirname(settings), { recursive: true });
  await writeFile(settings, JSON.stringify({ podPidsLimit: PIDS_MAX }));
  await waitFor({ what: 'the cluster', timeoutMs: SLOW_MS, everyMs: 1000 }, async () => {
    const access = await up({ name, runtime }).catch((error: Error) => {
      if (/ ended|is missing/.test(error.message)) throw new GiveUp(error.message);
      throw error;
    });
    await access.close();
    return true;
  });
  return await attachCluster(name);
}

const failed: string[] = [];
let passed = 0;
try {
  const startedMs = performance.now();
  const seconds = () => `${Math.round((performance.now() - startedMs) / 1000)} s`;
  const cluster = await slowCluster();
  console.log(`cluster with ${runtime} up after ${seconds()}`);
  const guest = new Guest(cluster);
  for (const { title, run } of steps.filter((step) => step.title.includes(only))) {
    try {
      await run(guest);
      passed++;
      console.log(`passed: ${title} (${seconds()})`);
    } catch (error) {
      failed.push(title);
      console.log(`FAILED: ${title} (${seconds()})\n  ${(error as Error).message}`);
    }
  }
  await cluster.client.close();
} catch (error) {
  failed.push('the cluster');
  console.log(`FAILED: the cluster\n  ${(error as Error).message}`);
} finally {
  await down(name);
}
const group = '/sys/fs/cgroup/wherry/vm';
if (existsSync(group)) failed.push(`${group} is left`);
for (const [what, why] of skipped) console.log(`skipped: ${what} (${why})`);
console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
process.exit(failed.length === 0 ? 0 : 1);
