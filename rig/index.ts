// Entry of rig: clusters of several hosts on one machine, for tests, for the command and for users' own tests.
export { ClusterAccess } from './access.ts';
export { type BuildOptions, buildImage } from './build.ts';
export { type CriFlags, runCri } from './cri.ts';
export { examineHost } from './doctor.ts';
export { down } from './down.ts';
export { connect, killPart, powerOff } from './faults.ts';
export { images, listImages, load, pruneImages, pullForNodes, removeImage, saveImages } from './images.ts';
export { type KernelState, kernelState, leftOvers } from './kernel-state.ts';
export { kubeconfig } from './kubeconfig.ts';
export { execInNode, runtimeAddress } from './node-exec.ts';
export type { NodeRuntime, NodeSession } from './node-runtime.ts';
/** gRPC and what else it needs is loaded with it. */
export const nodeRuntime = () => import('./node-runtime.ts');
export type { Progress } from './progress.ts';
export { type ClusterOptions, clusterNames } from './record.ts';
export { attachCluster, type Cluster, type CommandOptions, startCluster } from './start-cluster.ts';
export { cpuSeconds, pssBytes, status, summary } from './status.ts';
export { up } from './up.ts';
export { version } from './version.ts';
