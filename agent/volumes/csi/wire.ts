// CSI and plugin registration as gRPC sees them: one call to a driver's Unix socket, with a deadline.
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { systemClock } from '../../../kit/run/index.ts';
import csi from './gen/csi.json' with { type: 'json' };
import registration from './gen/registration.json' with { type: 'json' };

const READ: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, arrays: true, objects: true };

const wrappers = protobuf.common.get('google/protobuf/wrappers.proto')?.nested ?? {};
const load = (name: string, nested: unknown): protobuf.Root =>
  protobuf.Root.fromJSON({ nested: { ...wrappers, [name]: { nested: nested as Record<string, protobuf.AnyNestedObject> } } });

const PACKAGES = {
  'csi.v1': load('csi', { v1: { nested: csi } }),
  pluginregistration: load('pluginregistration', registration),
} as const;

export type ServiceName = 'csi.v1.Identity' | 'csi.v1.Node' | 'pluginregistration.Registration';

/** The calls of a service by name: for clients, and for the drivers of tests. */
export function methodsOf(service: ServiceName): Record<string, MethodDefinition<object, object>> {
  const dot = service.lastIndexOf('.');
  const root = PACKAGES[service.slice(0, dot) as keyof typeof PACKAGES];
  const found = root.lookupService(service);
  return Object.fromEntries(
    found.methodsArray.map((method) => {
      const [request, response] = [found.parent?.lookupType(method.requestType), found.parent?.lookupType(method.responseType)];
      if (!request || !response) throw new Error(`${service} ${method.name} has no messages`);
      const encode = (type: protobuf.Type) => (message: object) => Buffer.from(type.encode(type.fromObject(message)).finish());
      const decode = (type: protobuf.Type) => (bytes: Buffer) => type.toObject(type.decode(bytes), READ);
      return [
        method.name,
        {
          path: `/${service}/${method.name}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: encode(request),
          requestDeserialize: decode(request),
          responseSerialize: encode(response),
          responseDeserialize: decode(response),
        },
      ];
    }),
  );
}

/** Upstream's csiTimeout. */
const TIMEOUT_MS = 120_000;

/** A call that the driver refused, or could not be asked: the text is gRPC's, as upstream's events show it. */
export class DriverError extends Error {
  /** gRPC's, as Go names it: `OutOfRange`. */
  readonly code: string;
  constructor(code: string, details: string) {
    super(`rpc error: code = ${code} desc = ${details}`);
    this.code = code;
  }
}

/** One call, on a connection of its own: a driver that was restarted is reached at once. @throws DriverError */
export async function call<T>(socket: string, service: ServiceName, name: string, request: object, timeoutMs = TIMEOUT_MS): Promise<T> {
  const grpc = await import('@grpc/grpc-js');
  const method = methodsOf(service)[name];
  if (!method) throw new Error(`${service} has no ${name}`);
  const client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
  try {
    return await new Promise<T>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new grpc.Metadata(),
        { deadline: systemClock.nowMs() + timeoutMs },
        (error, answer) => (error ? reject(new DriverError(codeName(error.code, grpc.status), error.details)) : resolve(answer as T)),
      );
    });
  } finally {
    client.close();
  }
}

/** As Go writes it: `DEADLINE_EXCEEDED` is DeadlineExceeded. */
const codeName = (code: number, names: Readonly<Record<number, string>> | object): string =>
  String((names as Record<number, string>)[code] ?? code)
    .toLowerCase()
    .replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
