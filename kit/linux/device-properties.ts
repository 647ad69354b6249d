// Who may use which devices, as properties of systemd's unit (systemd.resource-control(5)). On v1 systemd writes the list of a group anew with
// all else that it writes: a scope that it knows no rules of may use every device then. Pure.
import type { UnitProperty } from '../dbus/index.ts';
import type { DeviceRule } from './cgroup-limits.ts';

/**
 * What OCI runtimes let every container use: their default devices, terminals, and to make nodes of any kind (that it may not open).
 * The name of terminals instead of their number is for systemd before 240.
 */
const DEFAULTS: readonly (readonly [device: string, access: string])[] = [
  ['char-*', 'm'],
  ['block-*', 'm'],
  ...['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:2', '10:200'].map((number) => [`/dev/char/${number}`, 'rwm'] as const),
  ['char-pts', 'rwm'],
];

/** Rules that refuse come first, as in every list of ours: systemd knows a list of what is allowed, or no list. */
export function deviceProperties(rules: readonly DeviceRule[]): UnitProperty[] {
  const none: UnitProperty = ['DeviceAllow', ['a(ss)', []]]; // what comes after it is added
  if (rules.some(({ allow, type }) => allow && type === undefined)) return [['DevicePolicy', ['s', 'auto']], none];
  const allowed = rules.filter(({ allow }) => allow).map((rule) => [nameOf(rule), rule.access] as const);
  return [['DevicePolicy', ['s', 'strict']], none, ['DeviceAllow', ['a(ss)', [...DEFAULTS, ...allowed]]]];
}

function nameOf({ type, major, minor }: DeviceRule): string {
  const kind = type === 'b' ? 'block' : 'char';
  if (major === undefined) return `${kind}-*`;
  return minor === undefined ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`;
}
