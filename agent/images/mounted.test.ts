import { expect, test } from 'vitest';
import { addMounted, type Mounted, workFolderName } from './mounted.ts';

const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(24)) as [string, string, string];
const overlay = (options: string) => `40 30 0:50 / /x/rootfs rw,relatime shared:1 - overlay overlay rw,${options}\n`;
const seen = (mountinfo: string) => {
  const mounted: Mounted = { layers: new Set(), images: new Set(), unnamed: new Set() };
  addMounted(mounted, mountinfo);
  return Object.fromEntries(Object.entries(mounted).map(([kind, names]) => [kind, [...(names as Set<string>)]]));
};

test.each([
  ['a file system of another kind', '40 30 0:50 / /x rw - ext4 /dev/sda rw,errors=continue\n', { layers: [], images: [], unnamed: [] }],
  ["somebody else's", overlay('lowerdir=/var/lib/docker/l/ABC:/x/1/fs,upperdir=/u,workdir=/w'), { layers: [], images: [], unnamed: [] }],
  [
    'a container with its image',
    overlay(`lowerdir=${a}:${b},upperdir=/s/c1/upper,workdir=/s/c1/${workFolderName(`sha256:${c.repeat(3).slice(0, 64)}`)},uuid=on`),
    { layers: [a, b], images: [c], unnamed: [] },
  ],
  [
    'one that does not name it',
    overlay(`lowerdir=/i/layers/${a}:/i/layers/${b},upperdir=/u,workdir=/s/work`),
    { layers: [a, b], images: [], unnamed: [a] },
  ],
  [
    'lower folders one by one, as newer kernels show them',
    overlay(`lowerdir+=${a},lowerdir+=${b},upperdir=/u,workdir=/w`),
    { layers: [a, b], images: [], unnamed: [a] },
  ],
])('%s', (_, mountinfo, expected) => expect(seen(mountinfo)).toEqual(expected));
