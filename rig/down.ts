// Ends a cluster and removes all that it made, whatever state it is in: the cgroup knows every process, namespaces end with them.
import { rm } from 'node:fs/promises';
import { type ProcessId, signalProcess } from '../kit/exec/index.ts';
import { lockFile } from '../kit/fs/index.ts';
import { cgroups, mountsBelow, removeSlice, unmountTree } from '../kit/linux/index.ts';
import { layoutOf } from './layout.ts';
import { checkName } from './options.ts';
import { clusterNames, readRecord } from './record.ts';

const LOCK_TIMEOUT_MS = 120_000;

/** Removes the cluster; false when there was nothing of it. Safe to repeat, also after kill -9 of everything or of a `down` half way. */
export async function down(name: string): Promise<boolean> {
  checkName(name);
  const layout = layoutOf(name);
  await using _lock = await lockFile(layout.lock, LOCK_TIMEOUT_MS);
  const groups = cgroups();
  const existed = (await clusterNames()).includes(name) || groups.exists(layout.cgroup);
  const record = await readRecord(name).catch(() => undefined);
  // Recorded processes first, by pid and start time: on a half-made cluster one may not be in its group yet.
  const processes = [record?.controlPlane, record?.lan, ...(record?.nodes ?? []).flatMap((n) => [n.agent, n.holder])];
  for (const process of processes.filter((p): p is ProcessId => p !== undefined)) signalProcess(process, 'SIGKILL');
  await groups.remove(layout.cgroup);
  await removeSlice(layout.cgroup);
  // Mounts live in the hosts' own mount namespaces and went with them; one made outside would be a leak of ours.
  for (const dir of [layout.run, layout.dir]) if (mountsBelow(dir).length > 0) unmountTree(dir);
  await rm(layout.run, { recursive: true, force: true });
  await rm(layout.dir, { recursive: true, force: true });
  groups.removeIfEmpty('/wherry');
  return existed;
}
