// CSI and plugin registration as gRPC sees them: one call to a driver's Unix socket, with a deadline.
import { callUnix, grpcMethods, grpcPackage } from '../../../kit/grpc/index.ts';
import csi from './gen/csi.json' with { type: 'json' };
import registration from './gen/registration.json' with { type: 'json' };

const csiPackage = grpcPackage('csi.v1', csi);

/** The calls of a service by name: for clients, and for the drivers of tests. */
export const METHODS = {
  'csi.v1.Identity': grpcMethods(csiPackage, 'csi.v1.Identity'),
  'csi.v1.Node': grpcMethods(csiPackage, 'csi.v1.Node'),
  'pluginregistration.Registration': grpcMethods(grpcPackage('pluginregistration', registration), 'pluginregistration.Registration'),
} as const;

export type ServiceName = keyof typeof METHODS;

/** Upstream's csiTimeout. */
const TIMEOUT_MS = 120_000;

/** One call, on a connection of its own: a driver that was restarted is reached at once. @throws RpcError */
export async function call<T>(socket: string, service: ServiceName, name: string, request: object, timeoutMs = TIMEOUT_MS): Promise<T> {
  const method = METHODS[service][name];
  if (!method) throw new Error(`${service} has no ${name}`);
  return callUnix<T>(socket, method, request, timeoutMs);
}
