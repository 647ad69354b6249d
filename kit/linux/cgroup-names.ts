// How the groups of pods are called: the one place that knows. A pod's group has a name in kubelet's way, parts below the node's own
// (`kubepods/burstable/pod<uid>`); where that is in the kernel's tree depends on who makes it. Pure.
//   cgroupfs  /kubepods/burstable/pod1-2/<id>
//   systemd   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-<id>.scope

export type CgroupDriverName = 'cgroupfs' | 'systemd';

/** A scope's name begins with the runtime's: tools that look for containers know this one. */
const RUNTIME = 'cri-containerd';

export interface CgroupNames {
  /** Folder of a class's or pod's group from the root of the hierarchies, '' for the root. */
  group(name: string): string;
  /** Folder of a container's group below a pod's; `runtime`: in the name that another one gives it. */
  container(group: string, id: string, runtime?: string): string;
  /** What an OCI runtime is told of a container's group, `linux.cgroupsPath`. */
  ociPath(container: string): string;
  /** What another CRI runtime, or Docker, is told of a pod's group. */
  cgroupParent(group: string): string;
}

const clean = (path: string): string => `/${partsOf(path).join('/')}`.replace(/^\/$/, '');
const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');
const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** `parent`: the node's own group; of the systemd driver it is escaped like any other. */
export function cgroupNames(driver: CgroupDriverName, parent: string): CgroupNames {
  return driver === 'systemd' ? systemdNames(parent) : fileNames(parent);
}

const fileNames = (parent: string): CgroupNames => ({
  group: (name) => clean(`${parent}/${name}`),
  container: (group, id) => `${group}/${id}`,
  ociPath: (container) => container,
  cgroupParent: (group) => group,
});

const systemdNames = (parent: string): CgroupNames => ({
  // a client of CRI names the slice itself, from the root on
  group: (name) => slicePath(name.endsWith('.slice') ? lastOf(name) : sliceOf(`${parent}/${name}`)),
  container: (group, id, runtime = RUNTIME) => `${group}/${runtime}-${id}.scope`,
  ociPath(container) {
    const [slice = '', scope = ''] = partsOf(container).slice(-2);
    return `${slice}:${RUNTIME}:${scope.slice(RUNTIME.length + 1, -'.scope'.length)}`;
  },
  cgroupParent: lastOf,
});

/** A dash separates a slice from the one above it, so a dash of a part's own becomes an underscore, as kubelet has it. */
export const sliceOf = (path: string): string =>
  `${
    partsOf(path)
      .map((part) => part.replaceAll('-', '_'))
      .join('-') || '-'
  }.slice`;

/** `a-b.slice` is `/a.slice/a-b.slice`; the root slice is ''. @throws Error for what is no slice */
export function slicePath(slice: string): string {
  if (slice === '-.slice') return '';
  const name = slice.slice(0, -'.slice'.length);
  const parts = name.split('-');
  if (!slice.endsWith('.slice') || parts.includes('')) throw new Error(`${JSON.stringify(slice)} is not the name of a systemd slice`);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}

/** Where a pod's group is, from what another runtime was told. */
export const pathOfParent = (cgroupParent: string): string => (cgroupParent.endsWith('.slice') ? slicePath(cgroupParent) : cgroupParent);

/** Where a container's group is, from what its OCI runtime was told: of either driver. */
export function pathOfOci(cgroupsPath: string): string {
  const [slice, prefix, id] = cgroupsPath.split(':');
  return id === undefined ? cgroupsPath : `${slicePath(slice!)}/${prefix}-${id}.scope`;
}

export const isOfSystemd = (cgroupsPath: string): boolean => cgroupsPath.includes(':');
