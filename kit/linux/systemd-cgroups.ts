// The driver that leaves the tree to systemd: slices for pods, a scope for each container, limits as properties of theirs. So systemd knows of
// every limit and a reload of its configuration undoes none. What it has no property for, and what it rounds, is written to the files after it.
import { basename, dirname } from 'node:path';
import { isSystemdBooted, systemd, type UnitProperty } from '../dbus/index.ts';
import { Turns } from '../run/index.ts';
import { type CgroupNames, sliceOf, slicePath } from './cgroup-names.ts';
import { cgroups } from './cgroups.ts';
import { whileFrozen } from './freezer.ts';
import type { PodCgroups } from './pod-cgroups.ts';
import { type SystemdManager, unitProperties } from './unit-properties.ts';

/** Counted from the start on: processes that are there before a controller is are not counted by it. */
const ACCOUNTING: readonly UnitProperty[] = ['CPU', 'Memory', 'Tasks', 'IO'].map((what) => [`${what}Accounting`, ['b', true]]);
/** Not ordered after, or stopped before, what a machine's own services are. */
const NO_DEPENDENCIES: UnitProperty = ['DefaultDependencies', ['b', false]];
/**
 * For runtimes. Also a unit whose processes ended badly is forgotten when they are gone (systemd.unit(5), in GVariant's words); and crun makes no
 * group of its own below the scope, where it would hide the limits from systemd.
 */
export const SCOPE_ANNOTATIONS: Readonly<Record<string, string>> = {
  'org.systemd.property.CollectMode': "'inactive-or-failed'",
  'run.oci.systemd.subgroup': '',
};
const COLLECT: UnitProperty = ['CollectMode', ['s', 'inactive-or-failed']];

/** @throws Error where systemd is not the first process, or does not answer */
export async function openSystemdCgroups(names: CgroupNames): Promise<PodCgroups> {
  if (!isSystemdBooted()) throw cannot('systemd is not the first process of this machine');
  const version = await systemd()
    .version()
    .catch((error: Error) => {
      throw cannot(`systemd does not answer: ${error.message}`);
    });
  const manager: SystemdManager = { isV1: cgroups().layout !== 'v2', version: Number(/\d+/.exec(version)?.[0] ?? 0) };
  const turns = new Turns();
  const made = new Set<string>();
  /** From the top down: a slice that systemd makes itself, for one below it, is not a transient one, and keeps properties when it is gone. */
  const create = async (group: string): Promise<void> => {
    if (group === '' || made.has(group)) return;
    await create(dirname(group).replace(/^\/$/, ''));
    await turns.take(group, async () => {
      if (made.has(group)) return;
      const description: UnitProperty = ['Description', ['s', `wherry: ${basename(group)}`]];
      await systemd().start(basename(group), [description, NO_DEPENDENCIES, COLLECT, ...ACCOUNTING]);
      cgroups().create(group); // the controllers that systemd does not know
      made.add(group);
    });
  };
  return {
    ...names,
    driver: 'systemd',
    create,
    async apply(path, limits) {
      if (!cgroups().exists(path)) return;
      const set = () => systemd().setProperties(basename(path), unitProperties(limits, manager));
      // On v1 systemd takes all devices away from a container before it gives them back, whatever it is told.
      await (manager.isV1 && isScope(path) ? whileFrozen(path, set) : set());
      cgroups().apply(path, limits);
    },
    async adopt(path, pid) {
      const place: UnitProperty[] = [
        ['Slice', ['s', basename(dirname(path))]],
        ['PIDs', ['au', [pid]]],
        ['Delegate', ['b', true]],
      ];
      const scope = [...place, NO_DEPENDENCIES, COLLECT, ...ACCOUNTING];
      if (await systemd().start(basename(path), scope)) return;
      await removeUnits(path); // of an earlier attempt
      if (!(await systemd().start(basename(path), scope))) throw new Error(`systemd: ${basename(path)} is there again`);
    },
    watch: (listener, signal, onError) => void systemd().followReloads(listener, signal, onError),
    async remove(path) {
      made.delete(path);
      await removeUnits(path);
    },
  };
}

const cannot = (why: string): Error => new Error(`field cgroupDriver: "systemd" cannot be used: ${why}; leave it out, or set "cgroupfs"`);

/** Processes are killed before systemd is told: it would ask them to end first, and wait a minute and a half. Idempotent. */
async function removeUnits(path: string): Promise<void> {
  const units = [...unitsBelow(path), basename(path)].filter(isUnit);
  await cgroups().empty(path);
  for (const unit of units) await systemd().stop(unit);
  await cgroups().remove(path); // it may have been made anew meanwhile, by a reload
}

/** Removes what the systemd driver made of `path`, whoever it was, and the slices above that have nothing in them any more. Idempotent. */
export async function removeSlice(path: string): Promise<void> {
  let slice = slicePath(sliceOf(path));
  if (slice === '' || !cgroups().exists(slice)) return;
  await removeUnits(slice);
  for (slice = dirname(slice); slice !== '/' && unitsBelow(slice).length === 0; slice = dirname(slice)) {
    await systemd().stopAlone(basename(slice));
    cgroups().removeIfEmpty(slice); // in hierarchies of v1 that are not systemd's
  }
}

const isScope = (path: string): boolean => path.endsWith('.scope');
const isUnit = (name: string): boolean => /\.(slice|scope)$/.test(name);

/** Of one group, the deepest first. */
const unitsBelow = (path: string): string[] =>
  cgroups()
    .children(path)
    .filter(isUnit)
    .flatMap((name) => [...unitsBelow(`${path}/${name}`), name]);
