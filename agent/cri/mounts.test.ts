import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { checkMounts, pathInside } from './mounts.ts';

const root = mkdtempSync(`${tmpdir()}/wherry-mounts-`);
mkdirSync(`${root}/usr/share/data`, { recursive: true });
writeFileSync(`${root}/usr/share/data/file`, '');
symlinkSync('/usr/share', `${root}/share`);
symlinkSync('../../../../../../etc', `${root}/out`);
symlinkSync('loop', `${root}/loop`);
afterAll(() => rmSync(root, { recursive: true }));

test.each([
  ['', ''],
  ['usr/share', '/usr/share'],
  ['/usr//share/./data/', '/usr/share/data'],
  ['share/data/file', '/usr/share/data/file'],
  ['../../usr', '/usr'],
  ['usr/../share/data', '/usr/share/data'],
])('%s is %s of the image', (path, inside) => {
  expect(pathInside(root, path)).toBe(`${root}${inside}`);
});

test.each(['missing', 'out/passwd', 'out', 'loop', 'usr/share/data/file/x'])(
  '%s is not there, and nothing outside is looked at',
  (path) => {
    expect(pathInside(root, path)).toBeUndefined();
  },
);

test.each([
  [{ hostPath: '/a', containerPath: '' }, 'a path in the container must be given'],
  [{ hostPath: '', containerPath: '/a' }, 'a host path must be given'],
  [{ hostPath: '', containerPath: '/a', image: 'x' }, 'an image can only be mounted read-only'],
  [{ hostPath: '/h', containerPath: '/a', image: 'x', readonly: true }, 'either a host path or an image'],
  [{ hostPath: '/h', containerPath: '/a', recursiveReadOnly: true }, 'recursive read-only needs read-only'],
  [
    { hostPath: '/h', containerPath: '/a', readonly: true, recursiveReadOnly: true, propagation: 'bidirectional' as const },
    'not bidirectional',
  ],
])('%j is refused', (mount, why) => {
  expect(() => checkMounts([mount])).toThrow(why);
});

test('what is in order passes', () => {
  checkMounts([
    { hostPath: '/h', containerPath: '/a', readonly: true, recursiveReadOnly: true },
    { hostPath: '', image: 'x', containerPath: '/b', readonly: true, imageSubPath: 'etc' },
    { hostPath: '/h', containerPath: '/c', propagation: 'host-to-container' },
  ]);
});
