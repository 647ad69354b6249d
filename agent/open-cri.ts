// The container runtime that the configuration names, as a Cri. Drivers of other people's runtimes are loaded when they are wanted.
import { join } from 'node:path';
import type { PodCgroups } from '../kit/linux/index.ts';
import type { Logger } from '../kit/run/index.ts';
import type { AgentConfig } from './config.ts';
import { type Cri, createCri } from './cri/index.ts';
import { parseRuntime } from './runtime-choice.ts';

/** `podCIDR`: this node's; `groups`: pods' control groups. @throws Error when the runtime is not installed, or does not answer */
export async function openCri(config: AgentConfig, podCIDR: string, groups: PodCgroups, log: Logger): Promise<Cri> {
  const choice = parseRuntime(config.runtime);
  const { cniBinDir, cniConfDir } = config;
  const stateDir = join(config.stateDir, 'cri');
  const cni = { bridge: 'cni0', subnet: podCIDR, clusterCIDR: config.clusterCIDR };
  switch (choice.kind) {
    case 'oci':
      return await createCri({ ...config, stateDir, runtime: choice.program, groups, cni, log });
    case 'cri': {
      const { createRemoteCri } = await import('./cri-remote/index.ts');
      const networkFolders = cniConfDir && cniBinDir ? { networkFolders: { confDir: cniConfDir, binDir: cniBinDir } } : {};
      return await createRemoteCri({ socket: choice.socket, groups, cni, stateDir, log, ...networkFolders });
    }
    case 'docker': {
      const { createDockerCri } = await import('./cri-docker/index.ts');
      return await createDockerCri({ socket: choice.socket, groups, cni, stateDir, log });
    }
  }
}
