// The calls of a service as gRPC sees them: paths, and how each message becomes bytes.
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

export type GrpcMethod = MethodDefinition<object, object>;

/** 64-bit numbers as numbers: sizes and times lose nothing that is used. Fields that were not sent have their defaults. */
const READ: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, arrays: true, objects: true };

/** @param descriptor messages and services of one package, in protobufjs' JSON form */
export function grpcPackage(name: string, descriptor: unknown): protobuf.Root {
  const wrappers = protobuf.common.get('google/protobuf/wrappers.proto')?.nested ?? {};
  let nested = descriptor as Record<string, protobuf.AnyNestedObject>;
  for (const part of name.split('.').toReversed()) nested = { [part]: { nested } };
  return protobuf.Root.fromJSON({ nested: { ...wrappers, ...nested } });
}

/** By name as in the .proto file, e.g. `ListAndWatch`. @param service with its package: `v1beta1.DevicePlugin` */
export function grpcMethods(root: protobuf.Root, service: string): Record<string, GrpcMethod> {
  const found = root.lookupService(service);
  return Object.fromEntries(
    found.methodsArray.map((method) => {
      const [request, response] = [found.parent?.lookupType(method.requestType), found.parent?.lookupType(method.responseType)];
      if (!request || !response) throw new Error(`${service} ${method.name} has no messages`);
      return [
        method.name,
        {
          path: `/${service}/${method.name}`,
          requestStream: false,
          responseStream: method.responseStream === true,
          requestSerialize: encoder(request),
          requestDeserialize: decoder(request),
          responseSerialize: encoder(response),
          responseDeserialize: decoder(response),
        },
      ];
    }),
  );
}

const encoder =
  (type: protobuf.Type) =>
  (message: object): Buffer =>
    Buffer.from(type.encode(type.fromObject(message)).finish());

const decoder =
  (type: protobuf.Type) =>
  (bytes: Buffer): object =>
    type.toObject(type.decode(bytes), READ);
