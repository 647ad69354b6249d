// What another runtime needs to connect this node's pods: our plugin as a program, and a configuration that names it.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../../kit/fs/index.ts';

export interface NetworkFolders {
  /** The runtime's folder of network configurations (containerd: conf_dir). */
  confDir: string;
  /** Its folder of plugins (containerd: bin_dir). */
  binDir: string;
}

export interface Network {
  bridge: string;
  subnet: string;
  /** For the addresses of pods. */
  stateDir: string;
}

/** containerd wants a plugin of this name; ours has set the loopback up already. */
const LOOPBACK = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"0.3.1","interfaces":[{"name":"lo"}],"ips":[]}'
exit 0
`;

const PROGRAM = { mode: 0o755 };

/** The configuration comes last: a runtime that watches its folder finds the plugin when it reads it. */
export async function writeNetworkConfig({ confDir, binDir }: NetworkFolders, network: Network): Promise<void> {
  await Promise.all([mkdir(confDir, { recursive: true }), mkdir(binDir, { recursive: true })]);
  await writeFileAtomic(`${binDir}/wherry`, `#!/bin/sh\n${pluginCommand()}\n`, PROGRAM);
  if (!existsSync(`${binDir}/loopback`)) await writeFileAtomic(`${binDir}/loopback`, LOOPBACK, PROGRAM);
  const { bridge, subnet, stateDir } = network;
  const plugin = { type: 'wherry', bridge, ipam: { subnet, dataDir: stateDir } };
  await writeFileAtomic(`${confDir}/10-wherry.conflist`, JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins: [plugin] }));
}

/** The bundle beside the agent's or built from these sources; else the sources, which take seconds to load on a busy machine. */
function pluginCommand(): string {
  const here = import.meta.dirname;
  const bundle = [`${here}/cni.js`, join(here, '../../dist/cni.js')].find((file) => existsSync(file));
  const cache = bundle ? `NODE_COMPILE_CACHE='${dirname(bundle)}/.compile-cache' ` : '';
  return `${cache}exec '${process.execPath}' '${bundle ?? join(here, '../../cni/main.ts')}'`;
}
