// What the probes of pods-probes.test.ts ask, run inside a pod from this machine's own files: HTTP, HTTPS and gRPC health.
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { createCa, issue } from '../../kit/net/index.ts';
import { systemClock } from '../../kit/run/index.ts';

const answers: Record<string, (response: ServerResponse) => void> = {
  '/same': (response) => response.writeHead(302, { location: '/ok' }).end(),
  '/elsewhere': (response) => response.writeHead(302, { location: 'http://elsewhere.invalid/' }).end('gone'),
  '/big': (response) => response.end(Buffer.alloc(1 << 20)),
  '/silent': () => {},
};
const answer = ({ url = '' }: { url?: string | undefined }, response: ServerResponse) =>
  (answers[url] ?? ((response) => response.end('ok')))(response);

createServer(answer).listen(8080);
const ca = createCa('a CA that nobody knows', systemClock.nowMs());
const { cert, key } = issue(ca, { commonName: 'another name', usages: ['server'] }, systemClock.nowMs());
createSecureServer({ cert, key }, answer).listen(8443);

/** As grpc.health.v1 writes the names of services, and its states. */
const states: Record<string, number> = { '': 1, up: 1, down: 2 };
const check = {
  path: '/grpc.health.v1.Health/Check',
  requestStream: false,
  responseStream: false,
  requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: (bytes: Buffer) => bytes[1],
  responseSerialize: (state: number) => Buffer.from([0x08, state]),
} as const;
const grpc = new Server();
grpc.addService({ check }, {
  check: ({ request: { service } }: { request: { service: string } }, done: (error: object | null, state?: number) => void) =>
    states[service] === undefined ? done({ code: status.NOT_FOUND, details: 'unknown service' }) : done(null, states[service]),
} as never);
grpc.bindAsync('0.0.0.0:9000', ServerCredentials.createInsecure(), () => {});
