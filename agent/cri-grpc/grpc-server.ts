// The gRPC side of the CRI socket; loaded with the first client.
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { SocketServer } from '../../kit/grpc/index.ts';
import { streaming as streamingHandler, unary } from './handlers.ts';
import { imageService } from './image-service.ts';
import { runtimeService, type ServiceHandlers } from './runtime-service.ts';
import type { CriServerOptions } from './server.ts';
import { StreamingServer } from './streaming.ts';
import { criMethods } from './wire.ts';

/** Lists of many containers are long; kubelet allows the same. */
const MESSAGE_BYTES_MAX = 16 << 20;

export async function startGrpc(options: CriServerOptions): Promise<SocketServer> {
  const { cri, clock, imagesFolder } = options;
  const streaming = await StreamingServer.start(cri, clock, options.streamingAddress);
  const stop = new AbortController();
  const server = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX, 'grpc.max_send_message_length': MESSAGE_BYTES_MAX });
  server.addService(...serviceOf('RuntimeService', runtimeService({ cri, streaming, imagesFolder, signal: stop.signal })));
  server.addService(...serviceOf('ImageService', imageService(cri)));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    inject: (socket) => injector.injectConnection(socket),
    stop: () => {
      stop.abort();
      streaming.stop();
      injector.destroy();
      server.forceShutdown();
    },
  };
}

function serviceOf(
  name: 'RuntimeService' | 'ImageService',
  handlers: ServiceHandlers,
): [service: ServiceDefinition, implementation: UntypedServiceImplementation] {
  const methods = criMethods(name);
  const implementation: UntypedServiceImplementation = {};
  for (const [method, answer] of Object.entries(handlers.unary)) implementation[method] = unary(answer);
  for (const [method, answer] of Object.entries(handlers.streaming)) implementation[method] = streamingHandler(answer);
  const missing = Object.keys(methods).filter((method) => !(method in implementation));
  if (missing.length > 0) throw new Error(`${name} lacks ${missing.join(', ')}`);
  return [methods, implementation];
}
