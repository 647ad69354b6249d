import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { parseMountinfo } from '../../kit/linux/index.ts';
import { checkMounts, pathInside, unableToPropagate } from './mounts.ts';

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

const MOUNTINFO = `
1 0 0:1 / / rw shared:1 - ext4 /dev/a rw
2 1 0:2 / /private rw - tmpfs tmpfs rw
3 1 0:3 / /slave rw master:1 - tmpfs tmpfs rw
4 1 0:4 / /twice rw - tmpfs tmpfs rw
5 4 0:5 / /twice rw shared:2 - tmpfs tmpfs rw
`;
const unable = (path: string, on: string, wanted: string) => `path "${path}" is mounted on "${on}" but it is not a ${wanted} mount`;
test.each([
  ['/a', 'bidirectional', undefined],
  ['/privately', 'bidirectional', undefined],
  ['/private/a', 'bidirectional', unable('/private/a', '/private', 'shared')],
  ['/private', 'host-to-container', unable('/private', '/private', 'shared or slave')],
  ['/slave/a', 'host-to-container', undefined],
  ['/slave/a', 'bidirectional', unable('/slave/a', '/slave', 'shared')],
  ['/twice/a', 'bidirectional', undefined],
] as const)('mounts below %s go %s or say why not', (path, propagation, problem) =>
  expect(unableToPropagate(path, propagation, parseMountinfo(MOUNTINFO))).toBe(problem),
);
