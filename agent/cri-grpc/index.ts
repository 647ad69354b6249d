// Entry of agent/cri-grpc: CRI v1 over gRPC on a Unix socket.
export { type CriServerOptions, criServer } from './server.ts';
