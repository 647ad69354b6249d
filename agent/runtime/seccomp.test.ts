import { expect, test } from 'vitest';
import { defaultSeccomp, parseSeccompProfile } from './seccomp.ts';

const rulesOf = (call: string, ...capabilities: string[]) =>
  defaultSeccomp(capabilities, 'x64').syscalls!.filter((rule) => rule.names.includes(call) && rule.action === 'SCMP_ACT_ALLOW');

test.each([
  ['read', [], true],
  ['ptrace', [], true],
  ['mount', [], false],
  ['mount', ['CAP_SYS_ADMIN'], true],
  ['unshare', ['CAP_NET_ADMIN'], false],
  ['chroot', ['CAP_SYS_CHROOT'], true],
  ['chroot', [], false],
  ['syslog', ['CAP_SYSLOG'], true],
  ['clone3', [], false],
  ['clone3', ['CAP_SYS_ADMIN'], true],
  ['keyctl', ['CAP_SYS_ADMIN'], false],
  ['io_uring_setup', ['CAP_SYS_ADMIN'], false],
  ['kexec_load', ['CAP_SYS_BOOT'], false],
] as const)('%s with %j: %s', (call, capabilities, allowed) => {
  expect(rulesOf(call, ...capabilities).length > 0).toBe(allowed);
});

test('without CAP_SYS_ADMIN clone is allowed as long as it makes no namespace, and clone3 does not exist', () => {
  expect(rulesOf('clone')).toEqual([
    { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 0x7e02_0000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] },
  ]);
  expect(defaultSeccomp([]).syscalls).toContainEqual({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
  expect(rulesOf('clone', 'CAP_SYS_ADMIN').every((rule) => rule.args === undefined)).toBe(true);
});

test('a profile from a file is checked', () => {
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ERRNO' }] };
  expect(parseSeccompProfile(JSON.stringify(profile))).toEqual(profile);
  expect(() => parseSeccompProfile('[]')).toThrow('must be a JSON object');
  expect(() => parseSeccompProfile('{"defaultAction": "allow"}')).toThrow('defaultAction: must be a SCMP_ACT_ action, is "allow"');
  expect(() => parseSeccompProfile('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": "x"}]}')).toThrow('syscalls[0].names');
  expect(() => parseSeccompProfile('{')).toThrow(/JSON/);
});
