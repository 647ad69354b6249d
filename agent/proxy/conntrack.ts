// UDP flows outlive their endpoint: conntrack keeps sending to the old one as long as packets come.
import { tryRun } from '../../kit/exec/index.ts';
import type { Plan, PortPlan } from './plan.ts';
import { idOf } from './plan.ts';

/** Arguments of one `conntrack -D`. */
export type Flush = readonly string[];

/** Pure: at the start nobody knows what changed meanwhile, so all UDP flows to Services are forgotten; clients make new ones. */
export function flowsAtStart(plan: Plan, serviceCIDR: string): Flush[] {
  const udp = plan.ports.filter((port) => port.protocol === 'udp');
  return [['--orig-dst', serviceCIDR], ...udp.flatMap((port) => addresses(port).slice(1))];
}

/** Pure: which UDP flows must be forgotten when `before` becomes `after`. */
export function staleFlows(before: Plan, after: Plan): Flush[] {
  const udp = (plan: Plan) => new Map(plan.ports.filter((p) => p.protocol === 'udp').map((p) => [idOf(p), p]));
  const old = udp(before);
  const now = udp(after);
  const flushes: Flush[] = [];
  for (const [id, port] of now) {
    // Packets sent while there was no endpoint made flows that are not translated.
    if (targets(port).size > 0 && targets(old.get(id)).size === 0) flushes.push(...addresses(port));
  }
  for (const [id, port] of old) {
    const left = targets(now.get(id));
    for (const target of targets(port)) {
      if (left.has(target)) continue;
      const [ip = '', targetPort = ''] = target.split(':');
      flushes.push(...addresses(port).map((flush) => [...flush, '--dst-nat', ip, '--reply-port-src', targetPort]));
    }
  }
  return flushes;
}

/** Deletes the flows; that there were none is no error. */
export async function flushFlows(flushes: readonly Flush[]): Promise<void> {
  for (const flush of flushes) await tryRun('conntrack', ['-D', '-f', 'ipv4', '-p', 'udp', ...flush]);
}

/** `address:port` of each. */
const targets = (port: PortPlan | undefined): Set<string> =>
  new Set(
    [...(port?.internal.to ?? []), ...(port?.external.to ?? []), ...(port?.externalFromInside.to ?? [])].map((t) => `${t.ip}:${t.port}`),
  );

/** The cluster IP comes first. */
function addresses(port: PortPlan): string[][] {
  const ips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIPs].map((ip) => ['--orig-dst', ip]);
  return port.nodePort === undefined ? ips : [...ips, ['--orig-port-dst', String(port.nodePort)]];
}
