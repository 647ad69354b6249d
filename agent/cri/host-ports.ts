// Host ports of the sandboxes that are up: whenever one comes or goes, the whole of them is written anew from the records, so a restart
// or a crash in between leaves nothing behind.
import { forgetUdpFlows, type HostPort, setHostPorts } from '../../cni/index.ts';
import { writeSysctl } from '../../kit/linux/index.ts';
import type { CriContext } from './context.ts';
import { CriError, type PodSandboxConfig } from './cri.ts';
import type { SandboxRecord } from './records.ts';
import { isSandboxReady } from './sandbox-status.ts';

/** Those with a port of the node. Empty with the host's network, where the container's port is the node's. */
const wantedHostPorts = ({ portMappings = [], linux }: PodSandboxConfig): NonNullable<PodSandboxConfig['portMappings']> =>
  linux?.namespaces?.network === 'node' ? [] : portMappings.filter(({ hostPort }) => hostPort > 0);

/** @throws CriError for what no rule can be made of */
export function checkHostPorts(config: PodSandboxConfig): void {
  for (const { hostPort, containerPort, hostIp = '' } of wantedHostPorts(config)) {
    if (hostPort > 65_535 || containerPort < 1 || containerPort > 65_535)
      throw new CriError('InvalidArgument', `port mapping ${hostPort} to ${containerPort}: ports go from 1 to 65535`);
    if (!/^(?:\d{1,3}\.){3}\d{1,3}$/.test(hostIp) && hostIp !== '' && hostIp !== '::')
      throw new CriError('InvalidArgument', `port mapping ${hostPort}: host IP "${hostIp}" is not an IPv4 address`);
  }
}

/** To be called after the record of `changed` says what is wanted. Nothing is run for pods without host ports. */
export async function updateHostPorts(context: CriContext, changed: SandboxRecord): Promise<void> {
  const ports = wantedHostPorts(changed.config);
  if (ports.length === 0) return;
  await writeAll(context);
  await forgetUdpFlows(ports, context.cni.nodeNetns);
}

/** At the start: what an earlier process left is replaced. A node that never had a sandbox has nothing to replace. */
export async function restoreHostPorts(context: CriContext): Promise<void> {
  if (context.sandboxes.all().some(({ config }) => wantedHostPorts(config).length > 0)) await writeAll(context);
}

async function writeAll(context: CriContext): Promise<void> {
  // Each batch is made from the records of that moment: the last one to be written is right.
  await context.turns.take('host-ports', async () => {
    const { bridge, nodeNetns } = context.cni;
    const ports = context.sandboxes.all().flatMap((sandbox) => portsOf(context, sandbox));
    if (ports.length > 0) writeSysctl(`net/ipv4/conf/${bridge}/route_localnet`, 1, nodeNetns); // the node's own 127.0.0.1:hostPort
    await setHostPorts(ports, nodeNetns);
  });
}

function portsOf(context: CriContext, sandbox: SandboxRecord): HostPort[] {
  const podIP = sandbox.ips[0];
  if (!podIP || !isSandboxReady(context, sandbox)) return [];
  return wantedHostPorts(sandbox.config).map((port) => ({ ...port, podIP }));
}
