// The program that scripts/test-vm runs in its machine: one cluster, the steps in order, a line each, and what is not tried and why.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemdBooted } from '../../kit/dbus/index.ts';
import { cgroups } from '../../kit/linux/index.ts';
import { attachCluster, type Cluster, down, up } from '../../rig/index.ts';
import { layoutOf } from '../../rig/layout.ts';
import { Guest, isV1, NODE, START_MS } from './guest.ts';
import { PIDS_MAX, skipped, steps } from './steps.ts';
import { unitsLeft } from './systemd-steps.ts';

/** A part of the titles of those that are to run. */
const [only = '', runtime = 'runc'] = process.argv.slice(2);
/** As the machine was booted. */
const driver = isSystemdBooted() ? 'systemd' : 'cgroupfs';
const groups = isV1 ? 'v1' : 'v2';
const name = 'vm';

async function startCluster(): Promise<Cluster> {
  const { settings } = layoutOf(name).node(NODE);
  await mkdir(dirname(settings), { recursive: true });
  await writeFile(settings, JSON.stringify({ podPidsLimit: PIDS_MAX }));
  await (await up({ name, runtime, cgroupDriver: driver, timeoutMs: START_MS })).close();
  return await attachCluster(name);
}

const failed: string[] = [];
const notTried = [...skipped];
let passed = 0;
try {
  const startedMs = performance.now();
  const seconds = () => `${Math.round((performance.now() - startedMs) / 1000)} s`;
  const cluster = await startCluster();
  console.log(`cluster with ${runtime} and ${driver} on ${groups} up after ${seconds()}`);
  const guest = new Guest(cluster, driver);
  const wanted = steps.filter(
    (step) => step.title.includes(only) && (step.driver ?? driver) === driver && (step.groups ?? groups) === groups,
  );
  for (const { title, needs, run } of wanted) {
    if (needs && !needs.met()) {
      notTried.push([title, `this kernel has no ${needs.what}`]);
      continue;
    }
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
const left = ['/wherry', '/wherry.slice'].filter((group) => cgroups().exists(group)).map((group) => `group ${group}`);
if (driver === 'systemd') left.push(...(await unitsLeft()).map((unit) => `unit ${unit}`));
for (const what of left) console.log(`FAILED: ${what} is left`);
failed.push(...left);
for (const [what, why] of notTried) console.log(`skipped: ${what} (${why})`);
console.log(`${passed} passed, ${failed.length} failed, ${notTried.length} skipped`);
process.exit(failed.length === 0 ? 0 : 1);
