// The two services of CRI v1 as gRPC sees them: paths, and how each message becomes bytes. For servers and clients.
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor from './gen/api.json' with { type: 'json' };

export type CriServiceName = 'RuntimeService' | 'ImageService';
export type Method = MethodDefinition<object, object>;

/** 64-bit numbers as numbers: identifiers are texts, and limits and times lose nothing that is used. */
const READ: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, arrays: true, objects: true };

const root = protobuf.Root.fromJSON({ nested: descriptor as unknown as Record<string, protobuf.AnyNestedObject> });

/** The calls of a service by name, first letter as in the .proto: `RunPodSandbox`. */
export function criMethods(service: CriServiceName): Record<string, Method> {
  const methods: Record<string, Method> = {};
  for (const method of root.lookupService(service).methodsArray) {
    const [request, response] = [root.lookupType(method.requestType), root.lookupType(method.responseType)];
    methods[method.name] = {
      path: `/runtime.v1.${service}/${method.name}`,
      requestStream: false,
      responseStream: method.responseStream === true,
      requestSerialize: encoder(request),
      requestDeserialize: decoder(request),
      responseSerialize: encoder(response),
      responseDeserialize: decoder(response),
    };
  }
  return methods;
}

const encoder =
  (type: protobuf.Type) =>
  (message: object): Buffer =>
    Buffer.from(type.encode(type.fromObject(message)).finish());

const decoder =
  (type: protobuf.Type) =>
  (bytes: Buffer): object =>
    type.toObject(type.decode(bytes), READ);
