// The container runtime that the configuration names, as a Cri. Drivers of other people's runtimes are loaded when they are wanted.
import { type Cri, type CriOptions, createCri } from './cri/index.ts';
import { parseRuntime } from './runtime-choice.ts';

export interface OpenCriOptions extends Omit<CriOptions, 'runtime'> {
  /** As configured: a name, a path or a socket. */
  runtime: string;
  /** Of a CRI runtime that finds its network there. */
  networkFolders?: { confDir: string; binDir: string };
}

/** @throws Error when the runtime is not installed, or does not answer */
export async function openCri(options: OpenCriOptions): Promise<Cri> {
  const choice = parseRuntime(options.runtime);
  const { cgroupParent, cni, stateDir, log, networkFolders } = options;
  switch (choice.kind) {
    case 'oci':
      return await createCri({ ...options, runtime: choice.program });
    case 'cri': {
      const { createRemoteCri } = await import('./cri-remote/index.ts');
      return await createRemoteCri({
        socket: choice.socket,
        cgroupParent,
        cni,
        stateDir,
        log,
        ...(networkFolders ? { networkFolders } : {}),
      });
    }
    case 'docker': {
      const { createDockerCri } = await import('./cri-docker/index.ts');
      return await createDockerCri({ socket: choice.socket, cgroupParent, cni, stateDir, log });
    }
  }
}
