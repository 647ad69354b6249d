// The two services of CRI v1 as gRPC sees them. For servers and clients.
import { type GrpcMethod, grpcMethods, grpcPackage } from '../../kit/grpc/index.ts';
import descriptor from './gen/api.json' with { type: 'json' };

export type CriServiceName = 'RuntimeService' | 'ImageService';

const cri = grpcPackage('runtime.v1', descriptor);

/** The calls of a service by name, first letter as in the .proto: `RunPodSandbox`. */
export const criMethods = (service: CriServiceName): Record<string, GrpcMethod> => grpcMethods(cri, `runtime.v1.${service}`);
