// Entry of kit/linux: netlink, namespaces, mounts, cgroups, sysctls. The only place that touches system calls.
//   inNetns(path | fd, () => sync)            createNamedNetns(path)  pinNamespace('ipc', path)  unpinNamespace(path)
//   using nl = Netlink.open({ netns? })       nl.createBridge/createVeth/createVxlan/setLink/deleteLink/link/links
//                                             nl.addAddress/deleteAddress/addresses/replaceRoute/deleteRoute/routes/replaceNeighbour
//   pinUserNamespace(path, ids, others)       canMapUsers(folders)
//   bindMount, mountMapped, mountOverlay, mountTmpfs, unmountTree, removeTree, mountsBelow
//   cgroups(): { layout, create, remove, kill, pids, apply, read, stats }    openPodCgroups('cgroupfs' | 'systemd', parent)
//   writeSysctl(name, value, netns?)
export * from './address.ts';
export type { CgroupLimits, DeviceRule } from './cgroup-limits.ts';
export { type CgroupMetrics, cgroupMetrics } from './cgroup-metrics.ts';
export { type CgroupDriverName, type CgroupNames, cgroupNames, isOfSystemd, pathOfOci, pathOfParent, sliceOf } from './cgroup-names.ts';
export type { CgroupLayout, CgroupStats } from './cgroup-stats.ts';
export * from './cgroups.ts';
export * from './connect.ts';
export { thaw } from './freezer.ts';
export * from './group-moves.ts';
export * from './huge-pages.ts';
export * from './mounts.ts';
export * from './namespaces.ts';
export * from './netlink.ts';
export { openPodCgroups, type PodCgroups } from './pod-cgroups.ts';
export type { Pressure, Pressures } from './pressure.ts';
export * from './process-watch.ts';
export * from './processes.ts';
export * from './route-batch.ts';
export * from './sealed.ts';
export * from './spawn.ts';
export * from './streams.ts';
export {
  CLONE,
  isEstablished,
  mknod,
  openBeneath,
  SyscallError,
  sethostname,
  setns,
  setxattr,
} from './syscalls.ts';
export * from './sysctl.ts';
export { removeSlice, SCOPE_ANNOTATIONS } from './systemd-cgroups.ts';
export * from './user-namespaces.ts';
