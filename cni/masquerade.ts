// Packets of pods that leave the cluster take the node's address; those between pods keep theirs.
import { run, tryRun } from '../kit/exec/index.ts';

const CHAIN = 'WHERRY-POSTROUTING';
const JUMP = ['POSTROUTING', '-m', 'comment', '--comment', 'wherry pod masquerade', '-j', CHAIN];

/** Pure: what iptables-restore gets. `:CHAIN` empties a chain of ours and leaves all others alone. */
function masqueradeRules(podSubnet: string, clusterCidr: string, addJump: boolean): string {
  const lines = [
    '*nat',
    `:${CHAIN} - [0:0]`,
    `-A ${CHAIN} -s ${podSubnet} -d ${clusterCidr} -j RETURN`,
    `-A ${CHAIN} -s ${podSubnet} ! -d 224.0.0.0/4 -j MASQUERADE`,
  ];
  if (addJump) lines.push('-A POSTROUTING -m comment --comment "wherry pod masquerade" -j WHERRY-POSTROUTING');
  return `${[...lines, 'COMMIT'].join('\n')}\n`;
}

/** Idempotent; in the network namespace of this process. @throws CommandError when iptables fails */
export async function ensureMasquerade(podSubnet: string, clusterCidr: string): Promise<void> {
  const { failure } = await tryRun('iptables', ['-w', '5', '-t', 'nat', '-C', ...JUMP]);
  await run('iptables-restore', ['-w', '5', '--noflush'], { input: masqueradeRules(podSubnet, clusterCidr, failure !== undefined) });
}
