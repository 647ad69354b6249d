// Ports of a node that containers take for themselves.
import type { Container } from '../../api/gen/types/core.v1.ts';

export interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

export const hostPortsOf = (containers: readonly Container[]): HostPort[] =>
  containers
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ hostIP, hostPort, protocol }) =>
      hostPort ? [{ ip: hostIP || '0.0.0.0', protocol: protocol ?? 'TCP', port: hostPort }] : [],
    );

/** 0.0.0.0 conflicts with every address of the same port and protocol. */
export const portsConflict = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');
