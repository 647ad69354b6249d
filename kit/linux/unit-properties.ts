// Limits of a control group as properties of systemd's unit (systemd.resource-control(5)), by runc's and kubelet's rules. What systemd has no word
// for, such as huge pages, is written to files only. Pure.
import type { UnitProperty } from '../dbus/index.ts';
import { type CgroupLimits, cpuWeight } from './cgroup-limits.ts';
import { deviceProperties } from './device-properties.ts';

/** What decides which properties a systemd knows, and follows. */
export interface SystemdManager {
  isV1: boolean;
  version: number;
}

/** Versions that brought a property. */
const QUOTA_PERIOD = 242;
const CPUSETS = 244;

const PERIOD_US = 100_000;
const US_PER_SECOND = 1_000_000;
/** systemd counts in whole per cent of a processor: what is between is rounded up, so that nobody gets less than was promised. */
const PER_CENT_US = 10_000;
/** USEC_INFINITY, CGROUP_LIMIT_MAX. */
const UNLIMITED = 2n ** 64n - 1n;

export function unitProperties(limits: CgroupLimits, { isV1, version }: SystemdManager): UnitProperty[] {
  const out: UnitProperty[] = [];
  const number = (name: string, value: number | undefined) => {
    if (value !== undefined) out.push([name, ['t', value > 0 ? BigInt(value) : UNLIMITED]]);
  };
  number(isV1 ? 'MemoryLimit' : 'MemoryMax', limits.memoryBytes);
  if (limits.cpuShares) number(...sharesOf(limits.cpuShares, isV1));
  if (limits.cpuQuota !== undefined) {
    if (version >= QUOTA_PERIOD) number('CPUQuotaPeriodUSec', limits.cpuPeriod ?? PERIOD_US);
    number('CPUQuotaPerSecUSec', quotaPerSecond(limits.cpuQuota, limits.cpuPeriod ?? PERIOD_US));
  }
  number('TasksMax', limits.pids);
  const knowsCpusets = !isV1 && version >= CPUSETS;
  if (knowsCpusets && limits.cpusetCpus) out.push(['AllowedCPUs', ['ay', bitsOf(limits.cpusetCpus)]]);
  if (knowsCpusets && limits.cpusetMems) out.push(['AllowedMemoryNodes', ['ay', bitsOf(limits.cpusetMems)]]);
  // on v2 runtimes attach a program of their own to the group, which systemd lets be
  if (isV1 && limits.devices) out.push(...deviceProperties(limits.devices));
  return out;
}

const sharesOf = (shares: number, isV1: boolean): [name: string, value: number] =>
  isV1 ? ['CPUShares', Math.max(2, shares)] : ['CPUWeight', cpuWeight(shares)];

/** Microseconds of processor time a second; -1: no limit. */
function quotaPerSecond(quota: number, period: number): number {
  if (quota <= 0) return -1;
  return Math.ceil(Math.floor((quota * US_PER_SECOND) / period) / PER_CENT_US) * PER_CENT_US;
}

/** `0-1,9` as a set of bits, the lowest byte first. @throws Error for what is no list of numbers */
export function bitsOf(list: string): Uint8Array {
  const numbers = list.split(',').flatMap((range) => {
    const [, first = '', last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(range) ?? [];
    const count = Number(last) - Number(first) + 1;
    if (first === '' || count < 1) throw new Error(`${JSON.stringify(list)} is not a list of processors or memory nodes`);
    return Array.from({ length: count }, (_, index) => Number(first) + index);
  });
  const bytes = new Uint8Array(Math.floor(Math.max(...numbers) / 8) + 1);
  for (const n of numbers) bytes[n >> 3]! |= 1 << (n & 7);
  return bytes;
}
