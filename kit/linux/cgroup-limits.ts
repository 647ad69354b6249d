// Limits of a control group, and the files that they are written to on v1 and v2. Pure.
import type { CgroupLayout } from './cgroup-stats.ts';

/** Who may use a device; without a number all that have the other. */
export interface DeviceRule {
  allow: boolean;
  /** `b` or `c`; absent: all devices. */
  type?: string;
  major?: number;
  minor?: number;
  /** Of `rwm`. */
  access: string;
}

export interface CgroupLimits {
  cpuShares?: number;
  cpuPeriod?: number;
  /** -1: no limit. */
  cpuQuota?: number;
  /** -1: no limit. */
  memoryBytes?: number;
  pids?: number;
  /** `pageSize` in the kernel's words, e.g. `2MB`. */
  hugePages?: readonly { pageSize: string; bytes: number }[];
  cpusetCpus?: string;
  cpusetMems?: string;
  /** Files of v2 that have no word here, by name. */
  files?: Readonly<Record<string, string>>;
  /** What an OCI runtime was told; for systemd, which would give a container on v1 all devices otherwise. Not written to files. */
  devices?: readonly DeviceRule[];
}

/** cpu.shares (2..262144) as cpu.weight (1..10000), by the formula that runtimes share. */
export const cpuWeight = (shares: number): number =>
  Math.max(1, Math.min(10_000, Math.floor(1 + ((Math.max(2, shares) - 2) * 9999) / 262_142)));

/** Pure: the files to write, `[controller, file, text]`. */
export function limitFiles(limits: CgroupLimits, layout: CgroupLayout): [string, string, string][] {
  const out: [string, string, string][] = [];
  const v2 = layout === 'v2';
  const period = limits.cpuPeriod ?? 100_000;
  if (limits.cpuShares)
    out.push(v2 ? ['cpu', 'cpu.weight', `${cpuWeight(limits.cpuShares)}`] : ['cpu', 'cpu.shares', `${Math.max(2, limits.cpuShares)}`]);
  if (limits.cpuQuota !== undefined) {
    if (v2) out.push(['cpu', 'cpu.max', `${limits.cpuQuota > 0 ? limits.cpuQuota : 'max'} ${period}`]);
    else out.push(['cpu', 'cpu.cfs_period_us', `${period}`], ['cpu', 'cpu.cfs_quota_us', `${limits.cpuQuota > 0 ? limits.cpuQuota : -1}`]);
  }
  if (limits.memoryBytes !== undefined) {
    const text = limits.memoryBytes > 0 ? `${limits.memoryBytes}` : v2 ? 'max' : '-1';
    out.push(['memory', v2 ? 'memory.max' : 'memory.limit_in_bytes', text]);
  }
  if (limits.pids !== undefined) out.push(['pids', 'pids.max', limits.pids > 0 ? `${limits.pids}` : 'max']);
  for (const { pageSize, bytes } of limits.hugePages ?? [])
    out.push(['hugetlb', `hugetlb.${pageSize}.${v2 ? 'max' : 'limit_in_bytes'}`, `${bytes}`]);
  if (limits.cpusetCpus) out.push(['cpuset', 'cpuset.cpus', limits.cpusetCpus]);
  if (limits.cpusetMems) out.push(['cpuset', 'cpuset.mems', limits.cpusetMems]);
  if (v2) for (const [name, text] of Object.entries(limits.files ?? {})) out.push([name.split('.')[0] ?? '', name, text]);
  return out;
}
