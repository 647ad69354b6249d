// Puts runtime, images and cni together into one Cri.
import type { Logger } from '../../kit/run/index.ts';
import type { Cri } from './cri.ts';

export interface CriOptions {
  /** Records and writable layers; survives a reboot. One per node. */
  stateDir: string;
  /** Pinned namespaces, sockets, exit files; in the node's mount namespace. One per node. Keep it short: attach sockets live below it. */
  runDir: string;
  /** Content and unpacked layers; may be shared by all nodes of a machine. */
  imagesDir: string;
  runtime: 'runc' | 'crun';
  /** Cgroup that all pods' cgroups are below, e.g. `/wherry/demo/node-1`. */
  cgroupParent: string;
  cni: CniOptions;
  /** Registries spoken to without TLS, `host:port`; loopback always is. */
  insecureRegistries?: readonly string[];
  log: Logger;
}

/** The node's pod network. `subnet` is the node's pod CIDR; its first address is the bridge. */
export interface CniOptions {
  bridge: string;
  subnet: string;
  mtu?: number;
}

/** Opens the state left by an earlier process and takes its containers over. @throws when a tool (runc, crun, conmon) is missing */
export async function createCri(_options: CriOptions): Promise<Cri> {
  throw new Error('not built yet');
}
