// Messages over real sockets: node's own resolver as client, sizes, nonsense.
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { type DecodedPacket, decode, encode, type Question } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from '../../api/gen/types/discovery.v1.ts';
import { answerMessage } from './answer.ts';
import type { Directory } from './records.ts';
import { type DnsServer, listenDns } from './server.ts';
import { framed, parseNameservers } from './upstream.ts';

const endpoints: Endpoint[] = Array.from({ length: 60 }, (_, n) => ({ addresses: [`10.244.1.${n + 1}`] }));
const directory: Directory = {
  service: (_, name) => ({
    metadata: { name, namespace: 'default' },
    spec: { clusterIP: name === 'many' ? 'None' : '10.0.0.5', ports: [{ name: 'http', port: 80 }] },
  }),
  slices: (_, name) => (name === 'many' ? [{ metadata: {}, addressType: 'IPv4', endpoints, ports: [{ name: 'http', port: 80 }] }] : []),
  servicesAt: (ip) => (ip === '10.0.0.5' ? [{ metadata: { name: 'web', namespace: 'default' } }] : []),
  slicesAt: () => [],
  hasNamespace: () => true,
};
const zone = { domain: 'cluster.local', directory, serverIP: '10.0.0.10' };
let server: DnsServer;
beforeAll(async () => {
  server = await listenDns('127.0.0.1', 0, (message, protocol) => answerMessage(message, protocol, zone, { ask: async () => undefined }));
});
afterAll(() => server.close());

const question = (name: string, additionals: object[] = []) =>
  encode({ type: 'query', id: 7, questions: [{ name, type: 'A' } as Question], additionals: additionals as never });

function overUdp(message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('message', (answer) => {
      socket.close();
      resolve(answer);
    });
    socket.send(message, server.port, '127.0.0.1');
  });
}

function overTcp(...messages: Buffer[]): Promise<DecodedPacket[]> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    let read = Buffer.alloc(0);
    const answers: DecodedPacket[] = [];
    socket.on('data', (chunk) => {
      read = Buffer.concat([read, chunk]);
      while (read.length >= 2 && read.length >= 2 + read.readUInt16BE(0)) {
        answers.push(decode(read.subarray(2, 2 + read.readUInt16BE(0))));
        read = read.subarray(2 + read.readUInt16BE(0));
      }
      if (answers.length < messages.length) return;
      socket.destroy();
      resolve(answers);
    });
    for (const message of messages) socket.write(framed(message));
  });
}

test('a resolver of the C library kind understands it', async () => {
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
  expect(await resolver.resolve4('web.default.svc.cluster.local')).toEqual(['10.0.0.5']);
  expect(await resolver.resolveSrv('_http._tcp.web.default.svc.cluster.local')).toMatchObject([
    { name: 'web.default.svc.cluster.local', port: 80 },
  ]);
  expect(await resolver.reverse('10.0.0.5')).toEqual(['web.default.svc.cluster.local']);
  expect(await resolver.resolve4('many.default.svc.cluster.local')).toHaveLength(60); // truncated, then by TCP
  await expect(resolver.resolve6('web.default.svc.cluster.local')).rejects.toMatchObject({ code: 'ENODATA' });
  await expect(resolver.resolve4('web.default.nothing.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'ESERVFAIL' });
});

test('an answer that is too long is cut and says so; EDNS allows more', async () => {
  const cut = await overUdp(question('many.default.svc.cluster.local'));
  expect(cut.length).toBeLessThanOrEqual(512);
  expect(decode(cut)).toMatchObject({ flag_tc: true, answers: [] });
  const edns = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] };
  const more = decode(await overUdp(question('web.default.svc.cluster.local', [edns])));
  expect(more).toMatchObject({ flag_tc: false, flag_aa: true, answers: [{ data: '10.0.0.5' }] });
  expect(more.additionals).toMatchObject([{ type: 'OPT' }]);
});

test('TCP carries several questions on one connection', async () => {
  const answers = await overTcp(question('many.default.svc.cluster.local'), question('web.default.svc.cluster.local'));
  expect(answers.map((a) => a.answers?.length).sort()).toEqual([1, 60]);
});

test.each([
  ['nonsense after the header', Buffer.concat([Buffer.from('00070100ffff000000000000', 'hex'), Buffer.from('ff'.repeat(20), 'hex')]), 1],
  ['another operation', Buffer.from('000728000000000000000000', 'hex'), 4],
  ['no question', Buffer.from('000701000000000000000000', 'hex'), 1],
])('%s is refused', async (_, message, rcode) => {
  const answer = await overUdp(message);
  expect([answer.readUInt16BE(0), answer[3]! & 15]).toEqual([7, rcode]);
});

test('servers of a resolv.conf', () => {
  const text = '# c\nnameserver 10.0.0.10\n nameserver 192.0.2.1 \nsearch x\nnameserver ::1\nnameserver 192.0.2.2\nnameserver 192.0.2.3';
  expect(parseNameservers(text, ['10.0.0.10'])).toEqual(['192.0.2.1', '::1', '192.0.2.2']);
});
