// Where a cluster's files are. Everything below one folder a cluster, plus short paths in /run for sockets (at most 108 bytes, unix(7)).
import { join, resolve } from 'node:path';

export interface ClusterLayout {
  dir: string;
  record: string;
  lock: string;
  pki: string;
  kubeconfig: string;
  controlPlaneConfig: string;
  data: string;
  logs: string;
  run: string;
  /** The machine's `imagesDir`. */
  images: string;
  cgroup: string;
  node(name: string): {
    dir: string;
    config: string;
    kubeconfig: string;
    /** Put here by somebody: the node asks for its credentials itself. */
    bootstrapKubeconfig: string;
    /** Put here by somebody: fields that go over those of `config`. */
    settings: string;
    state: string;
    logs: string;
    manifests: string;
    run: string;
    cgroup: string;
  };
}

/** Base folders: WHERRY_HOME (default /var/lib/wherry) and WHERRY_RUN (default /run/wherry); empty is not set. Processes elsewhere get them whole. */
export const homeDir = (): string => resolve(process.env['WHERRY_HOME'] || '/var/lib/wherry');
const runBase = (): string => resolve(process.env['WHERRY_RUN'] || '/run/wherry');
/** Unpacked image layers, shared by all clusters of this machine. */
export const imagesDir = (): string => join(homeDir(), 'images');
export const clustersDir = (): string => join(homeDir(), 'clusters');

export function layoutOf(cluster: string): ClusterLayout {
  const dir = join(clustersDir(), cluster);
  const run = join(runBase(), cluster);
  const cgroup = `/wherry/${cluster}`;
  return {
    dir,
    record: join(dir, 'cluster.json'),
    lock: join(homeDir(), `.lock-${cluster}`),
    pki: join(dir, 'pki'),
    kubeconfig: join(dir, 'kubeconfig'),
    controlPlaneConfig: join(dir, 'control-plane.json'),
    data: join(dir, 'data'),
    logs: join(dir, 'logs'),
    run,
    images: imagesDir(),
    cgroup,
    node: (name) => ({
      dir: join(dir, 'nodes', name),
      config: join(dir, 'nodes', name, 'agent.json'),
      kubeconfig: join(dir, 'nodes', name, 'kubeconfig'),
      bootstrapKubeconfig: join(dir, 'nodes', name, 'bootstrap-kubeconfig'),
      settings: join(dir, 'nodes', name, 'settings.json'),
      state: join(dir, 'nodes', name, 'state'),
      logs: join(dir, 'nodes', name, 'logs'),
      manifests: join(dir, 'nodes', name, 'manifests'),
      run: join(run, name),
      cgroup: `${cgroup}/${name}`,
    }),
  };
}
