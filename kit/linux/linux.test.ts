// The pure parts: mountinfo, limits as files, addresses, netlink attributes.
import { describe, expect, test } from 'vitest';
import { addressFromNumber, addressNumber, cidrAddress, cidrContains, cidrRange, macBytes, macText, parseCidr } from './address.ts';
import { cpuWeight, limitFiles } from './cgroup-limits.ts';
import { controllersOf } from './hierarchies.ts';
import { attribute, bridgeInfo, linkKind, parseAttributes, vethInfo } from './link-info.ts';
import { entriesBelow, parseMountinfo } from './mounts.ts';
import { isDeafTo } from './processes.ts';

test('mounts at or below a folder, whatever its name', () => {
  const lines = ['/pods/a', '/pods/a/v', '/pods/ab', '/other', '/with\\040space/v', '/pods\\040/a'];
  const text = `${lines.map((target, i) => `${i} 1 0:1 / ${target} rw - tmpfs tmpfs rw`).join('\n')}\n`;
  const below = (folder: string) => entriesBelow(text, folder).map(({ target }) => target);
  expect(below('/pods/a')).toEqual(['/pods/a', '/pods/a/v']);
  expect(below('/with space')).toEqual(['/with space/v']);
  expect(below('/pods ')).toEqual(['/pods /a']);
  expect(below('/nothing')).toEqual([]);
});

test('mountinfo, with escapes and optional fields', () => {
  const [plain, shared] = parseMountinfo(
    '36 35 98:0 /a\\040b /mnt\\011x rw,noatime - ext3 /dev/root rw,errors=continue\n37 35 0:5 net:[4026] /run/n rw shared:1 master:2 - nsfs nsfs rw\n',
  );
  expect(plain).toMatchObject({
    id: 36,
    parent: 35,
    root: '/a b',
    target: '/mnt\tx',
    type: 'ext3',
    source: '/dev/root',
    options: ['rw', 'noatime'],
    propagation: [],
  });
  expect(shared).toMatchObject({ type: 'nsfs', propagation: ['shared:1', 'master:2'] });
});

describe('limits', () => {
  const limits = { cpuShares: 1024, cpuQuota: 50_000, memoryBytes: 1 << 20, pids: 9, cpusetCpus: '0-1' };
  test('v1', () =>
    expect(limitFiles(limits, 'hybrid')).toEqual([
      ['cpu', 'cpu.shares', '1024'],
      ['cpu', 'cpu.cfs_period_us', '100000'],
      ['cpu', 'cpu.cfs_quota_us', '50000'],
      ['memory', 'memory.limit_in_bytes', '1048576'],
      ['pids', 'pids.max', '9'],
      ['cpuset', 'cpuset.cpus', '0-1'],
    ]));
  test('v2', () =>
    expect(limitFiles(limits, 'v2')).toEqual([
      ['cpu', 'cpu.weight', '39'],
      ['cpu', 'cpu.max', '50000 100000'],
      ['memory', 'memory.max', '1048576'],
      ['pids', 'pids.max', '9'],
      ['cpuset', 'cpuset.cpus', '0-1'],
    ]));
  test.each([
    ['v1', 'memory.limit_in_bytes', '-1'],
    ['v2', 'memory.max', 'max'],
  ] as const)('no limit on %s', (layout, file, text) => expect(limitFiles({ memoryBytes: -1 }, layout)).toEqual([['memory', file, text]]));
  test.each([
    ['hybrid', 'hugetlb.2MB.limit_in_bytes'],
    ['v2', 'hugetlb.2MB.max'],
  ] as const)('huge pages on %s', (layout, file) =>
    expect(limitFiles({ hugePages: [{ pageSize: '2MB', bytes: 0 }] }, layout)).toEqual([['hugetlb', file, '0']]),
  );
  test('files that have no word are for v2 alone', () => {
    const named = { files: { 'memory.oom.group': '1' } };
    expect(limitFiles(named, 'v2')).toEqual([['memory', 'memory.oom.group', '1']]);
    expect(limitFiles(named, 'hybrid')).toEqual([]);
  });
  test.each([
    [2, 1],
    [1024, 39],
    [262_144, 10_000],
    [0, 1],
  ])('%i shares weigh %i', (shares, weight) => expect(cpuWeight(shares)).toBe(weight));
});

test('which hierarchy of v1 a controller is in', () => {
  const lines = [
    '/sys/fs/cgroup rw - tmpfs tmpfs ro,mode=755',
    '/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate',
    '/sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '/sys/fs/cgroup/systemd2 rw - cgroup cgroup rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=other',
    '/sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '/elsewhere/memory rw - cgroup cgroup rw,memory',
  ];
  expect(Object.fromEntries(controllersOf(parseMountinfo(lines.map((line) => `1 1 0:1 / ${line}`).join('\n'))))).toEqual({
    systemd: '/sys/fs/cgroup/systemd',
    other: '/sys/fs/cgroup/systemd2',
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    memory: '/sys/fs/cgroup/memory',
  });
});

describe('addresses', () => {
  test.each([
    ['10.0.0.5/24', 1, '10.0.0.1'],
    ['10.244.3.0/24', 254, '10.244.3.254'],
    ['fd00::/64', 16, 'fd00::10'],
  ])('%s number %i is %s', (cidr, n, expected) => expect(cidrAddress(cidr, n)).toBe(expected));
  test.each(['10.0.0.0/33', '10.0.0.0/', 'x/8', '10.0.0/8', '', '::/129'])('%j is no CIDR', (text) =>
    expect(() => parseCidr(text)).toThrow('invalid CIDR'),
  );
  test('contains', () => {
    expect(cidrContains('10.0.0.0/8', '10.255.0.1')).toBe(true);
    expect(cidrContains('10.0.0.0/8', '11.0.0.1')).toBe(false);
    expect(cidrContains('10.0.0.0/8', '::1')).toBe(false);
    expect(cidrRange('10.0.0.9/30')).toMatchObject({ first: addressNumber('10.0.0.8'), last: addressNumber('10.0.0.11') });
  });
  test('numbers and MACs go there and back', () => {
    for (const text of ['0.0.0.0', '255.255.255.255', '10.1.2.3']) expect(addressFromNumber(addressNumber(text), 4)).toBe(text);
    expect(macText(macBytes('0a:58:0a:f4:00:02'))).toBe('0a:58:0a:f4:00:02');
  });
});

describe('netlink attributes', () => {
  test('are padded to four bytes and found again', () => {
    const data = Buffer.concat([attribute(1, Buffer.from('abc')), attribute(2 | 0x8000, Buffer.from('defg'))]);
    expect(data.length % 4).toBe(0);
    expect(Object.fromEntries(parseAttributes(data))).toEqual({ 1: Buffer.from('abc'), 2: Buffer.from('defg') });
  });
  test('a cut-off run ends where it is whole', () =>
    expect(parseAttributes(Buffer.concat([attribute(1, Buffer.of(1)), Buffer.of(9, 0, 1)])).size).toBe(1));
  test('the kind of a link', () => {
    expect(linkKind(bridgeInfo())).toBe('bridge');
    expect(linkKind(vethInfo({ name: 'eth0', mtu: 1400 }))).toBe('veth');
    expect(linkKind(undefined)).toBeUndefined();
  });
});

test.each([
  ['NSpid:\t700\t1', '0000000000004002', false],
  ['NSpid:\t700\t1', '0000000000000002', true],
  ['NSpid:\t900\t700\t1', '0000000000000000', true],
  ['NSpid:\t700\t12', '0000000000000000', false],
  ['NSpid:\t1', '0000000000000000', false], // the machine's own: nobody's container
])('a process %s that catches %s: SIGTERM does nothing to it: %s', (ids, caught, deaf) =>
  expect(isDeafTo(`Name:\tsh\n${ids}\nSigIgn:\t0000000000000004\nSigCgt:\t${caught}\n`, 15)).toBe(deaf),
);
