// Runs a real CSI driver and its sidecars against a cluster of their own and looks at what users see.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { startCluster } from '../rig/index.ts';
import { checks } from '../test/csi/checks.ts';
import { definitionOf, Programs } from '../test/csi/programs.ts';
import { classes, driver, World } from '../test/csi/world.ts';

const [folder = '', only] = process.argv.slice(2);
const binaries = resolve(folder);
const work = mkdtempSync(join(tmpdir(), 'wherry-csi-'));

const stop = new AbortController();
/** Rejects when the run is to end early: what was started ends as after the last check. */
const interrupted = new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)));
interrupted.catch(() => {});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));

/** Of snapshots of volumes and of groups of them; without them there are none. */
async function makeCrds(world: World): Promise<void> {
  const crds = join(binaries, 'crd');
  if (!existsSync(crds)) return;
  await world.cluster.kubectl(['apply', '-f', crds]);
  await world.cluster.kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s']);
}

async function main(): Promise<number> {
  await using cluster = await startCluster({ nodes: 2 });
  const node = cluster.nodes[0]?.name ?? '';
  const annotation = '{.metadata.annotations.wherry\\.io/local-path-folder}';
  const state = dirname(await cluster.kubectl(['get', 'node', node, '-o', `jsonpath=${annotation}`]));
  const programs = new Programs({ cluster, node, state, binaries, work });
  const world = new World(cluster, programs, node, state);
  const failed: string[] = [];
  try {
    await makeCrds(world);
    await world.apply(driver(), ...classes);
    await programs.startAll();
    for (const { needs = [], run, title } of checks.filter((check) => only === undefined || check.title.includes(only))) {
      const lacking = programs.missing(needs);
      if (lacking.length > 0) {
        console.log(`skipped  ${title} (no ${lacking.join(', ')})`);
        continue;
      }
      const startedMs = performance.now();
      try {
        await Promise.race([run(world), interrupted]);
        console.log(`ok       ${title} (${Math.round((performance.now() - startedMs) / 1000)} s)`);
      } catch (error) {
        stop.signal.throwIfAborted();
        failed.push(title);
        console.log(`FAILED   ${title}\n         ${(error as Error).message}`);
        console.log(await cluster.kubectl(['get', 'events', '--sort-by=.lastTimestamp']));
        await world.delete('pod,pvc', '--all');
        for (const kind of ['volumegroupsnapshots', 'volumesnapshots'] as const)
          if (programs.missing([definitionOf(kind)]).length === 0) await world.delete(kind, '--all');
      }
    }
  } finally {
    if (failed.length > 0) showLogs();
    await programs.stopAll();
  }
  return failed.length > 0 ? 1 : 0;
}

function showLogs(): void {
  const logs = join(work, 'logs');
  for (const name of readdirSync(logs))
    console.log(`\n== ${name}\n${readFileSync(join(logs, name), 'utf8').split('\n').slice(-15).join('\n')}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!stop.signal.aborted) throw error;
  console.error((error as Error).message);
  process.exitCode = 130;
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(); // a check that was left in the middle may still wait
