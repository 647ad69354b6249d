// CRI's resources as cgroup limits. Pure.
import type { CgroupDriverName, CgroupLimits } from '../../kit/linux/index.ts';
import type { LinuxResources } from './cri.ts';

export function toCgroupLimits(r: LinuxResources): CgroupLimits {
  return {
    ...(r.cpuShares ? { cpuShares: r.cpuShares } : {}),
    ...(r.cpuQuota === undefined ? {} : { cpuQuota: r.cpuQuota }),
    ...(r.cpuPeriod ? { cpuPeriod: r.cpuPeriod } : {}),
    ...(r.memoryLimitBytes ? { memoryBytes: r.memoryLimitBytes } : {}),
    ...(r.pidsLimit ? { pids: r.pidsLimit } : {}),
    ...(r.hugepageLimits ? { hugePages: r.hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, bytes: limit })) } : {}),
    ...(r.cpusetCpus ? { cpusetCpus: r.cpusetCpus } : {}),
    ...(r.cpusetMems ? { cpusetMems: r.cpusetMems } : {}),
    ...(r.unified ? { files: r.unified } : {}),
  };
}

/** Pods' groups and containers' would not be one below the other. @throws Error */
export function checkSameDriver(ours: CgroupDriverName, theirs: string, who: string): void {
  if (ours !== theirs) throw new Error(`field cgroupDriver: is ${ours}, but ${who} uses ${theirs}: both must be the same`);
}
