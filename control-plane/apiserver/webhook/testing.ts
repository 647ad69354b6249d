// An HTTPS server for tests of what calls webhooks: answers as the test says, remembers what it was asked.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCa, issue, type KeyPair } from '../../../kit/net/index.ts';
import { systemClock } from '../../../kit/run/index.ts';

export interface Asked {
  path: string;
  headers: Record<string, unknown>;
  body: any;
}

export interface TestWebhook {
  url: string;
  port: number;
  /** Base64 of PEM, as configurations want it. */
  caBundle: string;
  asked: Asked[];
  connections: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An answer: an object as JSON, or a status with text; undefined never answers. */
export type Reply = object | { status: number; text: string; contentType?: string } | undefined;

export interface TestWebhookOptions {
  host?: string;
  /** Names in the certificate; default the address it listens on. */
  dnsNames?: string[];
  ca?: KeyPair;
}

export async function startWebhook(reply: (asked: Asked) => Reply, options: TestWebhookOptions = {}): Promise<TestWebhook> {
  const nowMs = systemClock.nowMs();
  const ca = options.ca ?? createCa('webhook-ca', nowMs);
  const host = options.host ?? '127.0.0.1';
  const names = options.dnsNames ? { dnsNames: options.dnsNames } : { ips: [host] };
  const serving = issue(ca, { commonName: 'webhook', usages: ['server'], ...names }, nowMs);
  const asked: Asked[] = [];
  const server: Server = createServer({ cert: serving.cert, key: serving.key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const one: Asked = { path: request.url ?? '', headers: request.headers, body: text === '' ? undefined : JSON.parse(text) };
    asked.push(one);
    const answer = reply(one);
    if (answer === undefined) return;
    if ('text' in answer && 'status' in answer) {
      response.writeHead(answer.status, { 'content-type': answer.contentType ?? 'text/plain' }).end(answer.text);
    } else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const webhook = { connections: 0 };
  server.on('secureConnection', () => webhook.connections++);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(webhook, {
    url: `https://${host}:${port}`,
    port,
    caBundle: Buffer.from(ca.cert).toString('base64'),
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
