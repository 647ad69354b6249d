import { expect, test } from 'vitest';
import { type CgroupDriverName, cgroupNames, pathOfOci, pathOfParent, sliceOf, slicePath } from './cgroup-names.ts';

const ID = 'a1b2';
const UID = '12345678-9abc-def0-1234-56789abcdef0';
const POD = `pod${UID.replaceAll('-', '_')}`;

// Names of slices by kubelet's rule: parts joined by dashes, dashes of their own become underscores.
test.each([
  ['/', '-.slice', ''],
  ['/kubepods', 'kubepods.slice', '/kubepods.slice'],
  ['kubepods/burstable', 'kubepods-burstable.slice', '/kubepods.slice/kubepods-burstable.slice'],
  [
    `/kubepods/besteffort/pod${UID}`,
    `kubepods-besteffort-${POD}.slice`,
    `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-${POD}.slice`,
  ],
  ['//a-b/c.d', 'a_b-c.d.slice', '/a_b.slice/a_b-c.d.slice'],
])('%s is %s', (path, slice, folder) => {
  expect(sliceOf(path)).toBe(slice);
  expect(slicePath(slice)).toBe(folder);
});

test.each(['kubepods', 'a--b.slice', '-a.slice', '.slice', 'a.scope'])('%s is no slice', (name) =>
  expect(() => slicePath(name)).toThrow('not the name of a systemd slice'),
);

test.each<[CgroupDriverName, string, string, string, string?, string?]>([
  ['cgroupfs', '/', `/kubepods/burstable/pod${UID}`, `/kubepods/burstable/pod${UID}/${ID}`],
  ['cgroupfs', '/w/n-1/', `/w/n-1/kubepods/burstable/pod${UID}`, `/w/n-1/kubepods/burstable/pod${UID}/${ID}`],
  [
    'systemd',
    '/',
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-${POD}.slice`,
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-${POD}.slice/cri-containerd-${ID}.scope`,
    `kubepods-burstable-${POD}.slice:cri-containerd:${ID}`,
    `kubepods-burstable-${POD}.slice`,
  ],
  [
    'systemd',
    '/w/n-1',
    `/w.slice/w-n_1.slice/w-n_1-kubepods.slice/w-n_1-kubepods-burstable.slice/w-n_1-kubepods-burstable-${POD}.slice`,
    `/w.slice/w-n_1.slice/w-n_1-kubepods.slice/w-n_1-kubepods-burstable.slice/w-n_1-kubepods-burstable-${POD}.slice/cri-containerd-${ID}.scope`,
    `w-n_1-kubepods-burstable-${POD}.slice:cri-containerd:${ID}`,
    `w-n_1-kubepods-burstable-${POD}.slice`,
  ],
])('%s below %s', (driver, parent, group, container, ociPath = container, cgroupParent = group) => {
  const names = cgroupNames(driver, parent);
  expect(names.group(`kubepods/burstable/pod${UID}`)).toBe(group);
  expect(names.container(group, ID)).toBe(container);
  expect(names.ociPath(container)).toBe(ociPath);
  expect(names.cgroupParent(group)).toBe(cgroupParent);
  expect(pathOfOci(ociPath)).toBe(container);
  expect(pathOfParent(cgroupParent)).toBe(group);
});

test("the node's own group", () => {
  expect(cgroupNames('cgroupfs', '/').group('')).toBe('');
  expect(cgroupNames('cgroupfs', '/w/n').group('')).toBe('/w/n');
  expect(cgroupNames('systemd', '/').group('')).toBe('');
  expect(cgroupNames('systemd', '/w/n').group('')).toBe('/w.slice/w-n.slice');
});

test('a client of CRI names a slice as kubelet does', () => {
  const names = cgroupNames('systemd', '/wherry-cri');
  expect(names.group('kubepods-podx.slice')).toBe('/kubepods.slice/kubepods-podx.slice');
  expect(names.group('/kubepods.slice/kubepods-podx.slice')).toBe('/kubepods.slice/kubepods-podx.slice');
  expect(names.group('podx')).toBe('/wherry_cri.slice/wherry_cri-podx.slice');
});
