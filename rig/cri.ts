// The container runtime alone, without a cluster, in the foreground of this terminal.
import { runInteractive } from '../kit/exec/index.ts';
import { program } from './programs.ts';

/** Fields of its configuration; what is absent takes the default of agent/cri-config.ts. */
export interface CriFlags {
  socket?: string;
  stateDir?: string;
  runDir?: string;
  imagesDir?: string;
  runtime?: string;
  cgroupParent?: string;
  cgroupDriver?: string;
  bridge?: string;
  podCIDR?: string;
}

/** Until it ends, by Ctrl-C or SIGTERM; its containers go on. Returns its exit code. @throws Error when it is not built */
export async function runCri(config: string | CriFlags): Promise<number> {
  const { argv, env } = await program('cri', typeof config === 'string' ? config : JSON.stringify(config));
  return await runInteractive(argv, env);
}
