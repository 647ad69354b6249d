// Environment variables that tell a container of the services of its namespace, in the manner of Docker links.
import type { Service } from '../../api/gen/types/core.v1.ts';

/** Variables of `services`, which the caller has chosen (own namespace; `kubernetes` always). Headless ones have none. */
export function serviceVariables(services: readonly Service[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    const ports = service.spec?.ports ?? [];
    const first = ports[0];
    if (!ip || ip === 'None' || !first) continue;
    const prefix = variableName(service.metadata.name ?? '');
    variables.set(`${prefix}_SERVICE_HOST`, ip);
    variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
    for (const port of ports) if (port.name) variables.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
    variables.set(`${prefix}_PORT`, `${(first.protocol ?? 'TCP').toLowerCase()}://${address(ip, first.port)}`);
    for (const { port, protocol = 'TCP' } of ports) {
      const name = `${prefix}_PORT_${port}_${protocol}`;
      variables.set(name, `${protocol.toLowerCase()}://${address(ip, port)}`);
      variables.set(`${name}_PROTO`, protocol.toLowerCase());
      variables.set(`${name}_PORT`, String(port));
      variables.set(`${name}_ADDR`, ip);
    }
  }
  return variables;
}

const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_');
const address = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
