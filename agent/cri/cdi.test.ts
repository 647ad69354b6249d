import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { OciSpec } from '../runtime/index.ts';
import { editsOf, refuseCdi, withCdi } from './cdi.ts';
import { type CdiEdits, cdiSpec, readCdiSpecs } from './cdi-specs.ts';

test('where nobody reads specifications, CDI devices are refused by name', () => {
  expect(() => refuseCdi({})).not.toThrow();
  expect(() => refuseCdi({ cdiDevices: [] })).not.toThrow();
  expect(() => refuseCdi({ cdiDevices: ['v.com/gpu=0', 'v.com/gpu=1'] })).toThrow(
    'CDI devices are not supported: v.com/gpu=0, v.com/gpu=1',
  );
});

const spec = (kind: string, devices: Record<string, CdiEdits>, containerEdits?: CdiEdits) =>
  cdiSpec({
    cdiVersion: '0.6.0',
    kind,
    devices: Object.entries(devices).map(([name, edits]) => ({ name, containerEdits: edits })),
    ...(containerEdits ? { containerEdits } : {}),
  });

describe('a device', () => {
  const gpu = spec('v.com/gpu', { '0': { env: ['A=0'] }, '1': { env: ['A=1'] } }, { env: ['ALL=yes'] });
  const find = (names: string[], ...folders: (typeof gpu)[][]) => editsOf(names, folders).env;

  test('brings what its specification brings once', () => {
    expect(find(['v.com/gpu=0', 'v.com/gpu=1'], [gpu])).toEqual(['ALL=yes', 'A=0', 'A=1']);
  });
  test('of the later folder hides that of the earlier', () => {
    expect(find(['v.com/gpu=0'], [gpu], [spec('v.com/gpu', { '0': { env: ['A=new'] } })])).toEqual(['A=new']);
  });
  test.each([
    ['that nobody has', [gpu]],
    ['that two files of one folder have', [gpu, spec('v.com/gpu', { '9': {} }), spec('v.com/gpu', { '9': {} })]],
  ])('%s cannot be had', (_, specs) => {
    expect(() => find(['v.com/gpu=0', 'v.com/gpu=9'], specs)).toThrow('CDI device injection failed: unresolvable CDI devices v.com/gpu=9');
  });
});

test('in the configuration of a container', () => {
  const before: OciSpec = {
    ociVersion: '1.0.2',
    process: { user: { uid: 1, gid: 1, additionalGids: [7] }, args: [], env: ['PATH=/bin', 'A=old'], cwd: '/' },
    root: { path: '/r' },
    mounts: [{ destination: '/given', source: '/old' }],
    linux: { namespaces: [], cgroupsPath: '/c', resources: { devices: [{ allow: false, access: 'rwm' }] } },
  };
  const edits: CdiEdits = {
    env: ['A=new', 'B=1'],
    deviceNodes: [
      { path: '/dev/whole', type: 'c', major: 1, minor: 5, permissions: 'r', uid: 3 },
      { path: '/dev/seen', hostPath: '/dev/host' },
    ],
    mounts: [{ hostPath: '/new', containerPath: '/given', options: ['ro'] }],
    hooks: [{ hookName: 'createRuntime', path: '/h', args: ['h'] }],
    additionalGids: [7, 8],
  };
  const after = withCdi(before, edits, (hostPath, path) => ({ path, type: 'b', major: hostPath.length, minor: 2 }));
  expect(after.process).toMatchObject({ env: ['PATH=/bin', 'A=new', 'B=1'], user: { additionalGids: [7, 8] } });
  expect(after.mounts).toEqual([{ destination: '/given', source: '/new', options: ['rbind', 'ro'] }]);
  expect(after.hooks).toEqual({ createRuntime: [{ path: '/h', args: ['h'] }] });
  expect(after.linux.devices).toEqual([
    { path: '/dev/whole', type: 'c', major: 1, minor: 5, uid: 3 },
    { path: '/dev/seen', type: 'b', major: 9, minor: 2 },
  ]);
  expect(after.linux.resources.devices?.slice(1)).toEqual([
    { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
    { allow: true, type: 'b', major: 9, minor: 2, access: 'rwm' },
  ]);
});

test.each([
  [{ kind: 'v.com/gpu', devices: [] }, 'it has no cdiVersion'],
  [{ cdiVersion: '0.6.0', kind: 'gpu', devices: [] }, 'its kind must be vendor/class, is "gpu"'],
  [{ cdiVersion: '0.6.0', kind: 'v.com/gpu', devices: [] }, 'it has no devices'],
  [{ cdiVersion: '0.6.0', kind: 'v.com/gpu', devices: [{ name: '0' }] }, 'a device has no containerEdits'],
  [
    { cdiVersion: '0.7.0', kind: 'v.com/gpu', devices: [{ name: '0', containerEdits: { intelRdt: {} } }] },
    'containerEdits.intelRdt is not supported',
  ],
])('%j is no specification', (value, why) => {
  expect(() => cdiSpec(value)).toThrow(why);
});

test('folders are read as JSON and YAML; a broken file is told and has nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wherry-cdi-'));
  try {
    await mkdir(join(folder, 'etc'));
    await writeFile(
      join(folder, 'etc/a.yaml'),
      'cdiVersion: 0.6.0\nkind: v.com/a\ndevices: [{ name: x, containerEdits: { env: [A=1] } }]\n',
    );
    await writeFile(join(folder, 'etc/b.json'), '{');
    await writeFile(join(folder, 'etc/c.txt'), 'not read');
    const bad: string[] = [];
    const read = readCdiSpecs([join(folder, 'etc'), join(folder, 'no-such')], (file) => bad.push(file));
    expect(read.map((specs) => specs.map(({ kind }) => kind))).toEqual([['v.com/a'], []]);
    expect(bad).toEqual([join(folder, 'etc/b.json')]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
