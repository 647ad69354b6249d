// config.json from resolved input, and what conmon and the runtimes are told and tell.
import { describe, expect, test } from 'vitest';
import { capabilitySet } from './capabilities.ts';
import { conmonArguments, runtimeMessage } from './conmon.ts';
import { buildSpec, type SpecInput } from './spec.ts';

const input: SpecInput = {
  rootfs: '/r',
  args: ['a'],
  env: [],
  cwd: '/',
  terminal: false,
  user: { uid: 5, gid: 6, supplementalGroups: [7] },
  capabilities: { add: [], drop: [] },
  availableCapabilities: ['CHOWN', 'KILL', 'NET_ADMIN', 'SYS_ADMIN'],
  privileged: false,
  noNewPrivileges: false,
  readonlyRootfs: false,
  namespaces: { network: '/n/net', ipc: 'host', uts: '/n/uts', pid: 'new' },
  cgroupsPath: '/x/y',
  cgroupV2: false,
  resources: {},
  mounts: [],
  devices: [],
  annotations: {},
};
const mount = (destination: string, change: object = {}) => ({
  source: `/src${destination}`,
  destination,
  readonly: false,
  propagation: 'private' as const,
  ...change,
});

describe('buildSpec', () => {
  test('joins, makes and shares namespaces', () => {
    expect(buildSpec(input).linux.namespaces).toEqual([
      { type: 'mount' },
      { type: 'network', path: '/n/net' },
      { type: 'uts', path: '/n/uts' },
      { type: 'pid' },
    ]);
    expect(buildSpec({ ...input, cgroupV2: true }).linux.namespaces).toContainEqual({ type: 'cgroup' });
  });

  test('mounts a folder before what lies in it, and lets the pod replace a system mount', () => {
    const spec = buildSpec({ ...input, mounts: [mount('/a/b'), mount('/a', { readonly: true }), mount('/sys/')] });
    const given = spec.mounts.filter((m) => m.type === 'bind');
    expect(given.map((m) => m.destination)).toEqual(['/a', '/sys/', '/a/b']);
    expect(given[0]?.options).toEqual(['rbind', 'rprivate', 'ro']);
    expect(spec.mounts.filter((m) => m.type === 'sysfs')).toEqual([]);
  });

  test.each([
    ['private', undefined],
    ['host-to-container', 'rslave'],
    ['bidirectional', 'rshared'],
  ] as const)('%s mounts need a root that is %s', (propagation, expected) =>
    expect(buildSpec({ ...input, mounts: [mount('/a', { propagation })] }).linux.rootfsPropagation).toBe(expected),
  );

  test('privileged: nothing masked, all devices, /sys writable', () => {
    const spec = buildSpec({ ...input, privileged: true });
    expect(spec.linux.maskedPaths).toEqual([]);
    expect(spec.linux.resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
    expect(spec.mounts.find((m) => m.destination === '/sys')?.options).toContain('rw');
    expect(buildSpec(input).linux.maskedPaths).toContain('/proc/kcore');
  });

  test('files of cgroup v2 are for cgroup v2', () => {
    const resources = { unified: { 'memory.oom.group': '1' } };
    const told = [true, false].map((cgroupV2) => buildSpec({ ...input, cgroupV2, resources }).linux.resources.unified);
    expect(told).toEqual([resources.unified, undefined]);
  });

  test('resources: only what is set', () => {
    expect(buildSpec(input).linux.resources).toEqual({ devices: [{ allow: false, access: 'rwm' }] });
    expect(
      buildSpec({ ...input, resources: { cpuShares: 100, cpuQuota: 5000, memoryLimitBytes: 10, pidsLimit: 3, cpusetCpus: '0' } }).linux
        .resources,
    ).toMatchObject({
      cpu: { shares: 100, quota: 5000, period: 100_000, cpus: '0' },
      memory: { limit: 10 },
      pids: { limit: 3 },
    });
  });
});

describe('capabilities', () => {
  const set = (add: string[], drop: string[], privileged = false) => capabilitySet({ ...input, capabilities: { add, drop }, privileged });
  test.each([
    [[], [], ['CAP_CHOWN', 'CAP_KILL']],
    [['net_admin'], ['CAP_CHOWN'], ['CAP_KILL', 'CAP_NET_ADMIN']],
    [['NET_ADMIN'], ['ALL'], ['CAP_NET_ADMIN']],
    [['ALL'], ['SYS_ADMIN'], ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_ADMIN']],
    [['SYS_TIME'], ['ALL'], []],
  ])('add %j drop %j gives %j', (add, drop, expected) => expect(set(add, drop)).toEqual(expected));
  test('privileged has all that can be had', () =>
    expect(set([], ['ALL'], true)).toEqual(['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN']));
  test('an unknown one is passed over', () => expect(set(['NOSUCH', 'KILL'], ['ALL'])).toEqual(['CAP_KILL']));
});

test('conmon gets a terminal and stdin only when asked', () => {
  const options = {
    id: 'i',
    name: 'n',
    runtimePath: '/runc',
    runtimeArgs: ['--root', '/r'],
    environment: {},
    bundle: '/b',
    logPath: '/l',
    exitDir: '/e',
  };
  const plain = conmonArguments({ ...options, terminal: false, stdin: false, keepStdinOpen: false });
  expect(plain.join(' ')).toContain('--runtime-arg --root --runtime-arg /r --bundle /b');
  expect(plain).not.toContain('--terminal');
  const full = conmonArguments({ ...options, terminal: true, stdin: true, keepStdinOpen: true });
  expect(full).toEqual(expect.arrayContaining(['--terminal', '--stdin', '--leave-stdin-open']));
});

test.each([
  [
    'time="2026-01-01T00:00:00Z" level=warning msg="w"\ntime="x" level=error msg="runc create failed: exec: \\"no\\": not found"\n',
    'runc create failed: exec: "no": not found',
  ],
  ['{"level":"error","msg":"exec failed: x","time":"t"}\n', 'exec failed: x'],
  [
    '2026-01-01T00:00:00.1Z: executable file `no` not found in $PATH: No such file or directory\n',
    'executable file `no` not found in $PATH: No such file or directory',
  ],
  ['plain\n', 'plain'],
])('the sentence in %j', (stderr, expected) => expect(runtimeMessage(stderr)).toBe(expected));
