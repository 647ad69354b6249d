// Entry of kit/grpc: services of a .proto file on Unix sockets, asked and served. gRPC itself is loaded when it is first needed.
export * from './call.ts';
export * from './code-name.ts';
export * from './lazy-socket.ts';
export * from './methods.ts';
export * from './serve.ts';
