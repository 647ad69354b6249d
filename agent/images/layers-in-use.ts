// Which layers some container of this machine has mounted: the kernel knows, whoever made the container and whatever crashed since.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { parseMountinfo } from '../../kit/linux/index.ts';

/** Names of layer folders in the overlay mounts of all mount namespaces (one process of each is looked at). */
export function layersInUse(): Set<string> {
  const seen = new Set<string>();
  const names = new Set<string>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const table = mountTable(pid, seen);
    if (table === undefined || !table.includes(' - overlay ')) continue;
    for (const name of layersIn(table)) names.add(name);
  }
  return names;
}

/** Pure: names of 24 digits among the lower folders. */
function layersIn(mountinfo: string): string[] {
  return parseMountinfo(mountinfo)
    .filter(({ type }) => type === 'overlay')
    .flatMap(({ superOptions }) => superOptions.filter((option) => option.startsWith('lowerdir')))
    .flatMap((option) => option.slice(option.indexOf('=') + 1).split(':'))
    .map((path) => path.slice(path.lastIndexOf('/') + 1))
    .filter((name) => /^[0-9a-f]{24}$/.test(name));
}

/** Undefined when the namespace was seen before, or cannot be one of ours. */
function mountTable(pid: string, seen: Set<string>): string | undefined {
  try {
    const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
    if (seen.has(namespace)) return undefined;
    const table = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
    seen.add(namespace);
    return table;
  } catch (error) {
    // It ended meanwhile; or it has rights that we lack, and then it is no container of ours. Anything else might hide one.
    if (['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
