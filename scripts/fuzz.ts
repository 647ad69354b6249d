// An API server on the memory store, with all its security, and schemathesis against each of its documents within one budget of time.
// What counts is the server's own log: each request that failed for another reason than its sender is told, once.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { createApiServer, createSecurity } from '../control-plane/apiserver/index.ts';
import { openStore } from '../control-plane/store/index.ts';
import { createHttpsClient } from '../kit/client/index.ts';
import { tryRun } from '../kit/exec/index.ts';
import { ensurePki, issue } from '../kit/net/index.ts';
import { systemClock } from '../kit/run/index.ts';

const [program = '', seconds = '60', ...wanted] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'wherry-fuzz-'));
const pki = await ensurePki(folder, { clusterName: 'fuzz', apiServerIps: ['127.0.0.1'] });
const admin = issue(pki.ca, { commonName: 'fuzz', organizations: ['system:masters'], usages: ['client'] }, systemClock.nowMs());

/** By message: how often, and the first one whole. */
const failures = new Map<string, { count: number; first: string }>();
const log = pino({
  level: 'error',
  serializers: { err: pino.stdSerializers.err },
  hooks: {
    logMethod(args) {
      const [about, what] = args as unknown as [{ err?: Error; method?: string; path?: string }, string];
      const key = about.err?.stack?.split('\n').slice(0, 2).join(' ') ?? what;
      const first = `${what}: ${about.method} ${about.path}\n${about.err?.stack}`;
      const known = failures.get(key);
      if (known) known.count++;
      else failures.set(key, { count: 1, first });
    },
  },
});

const server = createApiServer({
  store: await openStore({ driver: 'memory' }),
  serviceCIDR: '10.0.0.0/16',
  security: createSecurity({
    serviceAccountKey: pki.serviceAccountKey,
    kubeletClient: pki.kubeletClient,
    caCert: pki.ca.cert,
    serverUrl: 'https://127.0.0.1',
  }),
  log,
});
await server.start();
const tls = { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCas: [pki.ca.cert] };
const { addresses } = await server.listen({ addresses: [{ host: '127.0.0.1', port: 0 }], tls });
const url = `https://127.0.0.1:${addresses[0]!.port}`;
const client = createHttpsClient({ server: url, ca: pki.ca.cert, cert: admin.cert, key: admin.key });

const files = { ca: join(folder, 'ca.crt'), cert: join(folder, 'admin.crt'), key: join(folder, 'admin.key') };
await Promise.all([writeFile(files.ca, pki.ca.cert), writeFile(files.cert, admin.cert), writeFile(files.key, admin.key)]);

const index = await client.request('GET', '/openapi/v3');
const { paths } = JSON.parse(Buffer.from(index.body).toString()) as { paths: Record<string, unknown> };
const documents = wanted.length > 0 ? wanted : Object.keys(paths).map((path) => `/openapi/v3/${path}`);
const share = Math.max(5, Math.floor(Number(seconds) / documents.length));
let unanswered = 0;
for (const document of documents) {
  const { status, body } = await client.request('GET', document);
  if (status !== 200) throw new Error(`${document}: ${status}`);
  const file = join(folder, 'document.json');
  await writeFile(file, body);
  const { stdout } = await tryRun(
    resolve(program),
    [
      ...['run', file, '--url', url, '--tls-verify', files.ca, '--request-cert', files.cert, '--request-cert-key', files.key],
      ...['--checks', 'not_a_server_error', '--continue-on-failure', '--no-shrink', '--max-time', String(share), '--workers', '2'],
      ...['--request-timeout', '65', '--phases', 'fuzzing', '--suppress-health-check', 'all', '--no-color', '--warnings', 'off'],
    ],
    { timeoutMs: (share + 120) * 1000, cwd: folder },
  );
  const summary = stdout.split('\n').filter((line) => /generated|Test cases|Operations|✅|❌|Server error|Network|\[5\d\d\]/.test(line));
  process.stdout.write(
    `${document}: ${summary
      .map((line) => line.trim())
      .join('; ')
      .slice(0, 400)}\n`,
  );
  const alive = await client.request('GET', '/readyz').catch(() => undefined);
  if (alive?.status !== 200) unanswered++;
}
for (const { count, first } of failures.values()) process.stdout.write(`\n${count} x ${first}\n`);
process.stdout.write(`\nfuzz: ${documents.length} documents, ${failures.size} different failures, ${unanswered} times not ready\n`);
await client.close();
await server.close();
await rm(folder, { recursive: true, force: true });
process.exit(failures.size + unanswered > 0 ? 1 : 0);
