// The machine's pages bigger than usual, by size, and the names that Kubernetes and the kernel's controller have for one size.
import { readFileSync } from 'node:fs';
import { namesIn } from '../fs/index.ts';

export interface HugePages {
  sizeBytes: number;
  /** Reserved by the machine's administrator, used or not. */
  count: number;
}

/** The smallest first; none where the kernel has none. */
export function hugePages(folder = '/sys/kernel/mm/hugepages'): HugePages[] {
  return namesIn(folder)
    .flatMap((name) => {
      const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      if (kilobytes === undefined) return [];
      return [{ sizeBytes: Number(kilobytes) * 1024, count: Number(readFileSync(`${folder}/${name}/nr_hugepages`, 'utf8')) }];
    })
    .sort((a, b) => a.sizeBytes - b.sizeBytes);
}

/** The kernel's control group controller calls a page of 2 MiB `2MB`. Pure. */
export function hugePageName(sizeBytes: number): string {
  for (const [unit, bytes] of [
    ['GB', 2 ** 30],
    ['MB', 2 ** 20],
  ] as const)
    if (sizeBytes >= bytes) return `${sizeBytes / bytes}${unit}`;
  return `${sizeBytes / 1024}KB`;
}
