// An API server on the memory store, with all its security, and schemathesis against each of its documents within one budget of time.
// What counts is the server's own log (each request that failed for another reason than its sender is told, once), that every request
// was answered, and that every operation had its turn.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { createApiServer, createSecurity } from '../control-plane/apiserver/index.ts';
import { openStore } from '../control-plane/store/index.ts';
import { createHttpsClient } from '../kit/client/index.ts';
import { tryRun } from '../kit/exec/index.ts';
import { ensurePki, issue } from '../kit/net/index.ts';
import { systemClock } from '../kit/run/index.ts';

const [program = '', seconds = '600', ...wanted] = process.argv.slice(2);
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

/** What schemathesis tells of a run; a part. */
interface Report {
  operations: { selected: number; tested: number };
  test_cases: { generated: number };
}

/**
 * With how schemathesis tells what went wrong: there are the requests to repeat. One worker: with two, its generator meets a fault of
 * CPython 3.11 (SystemError, "AST constructor recursion depth mismatch", shown as a KeyError).
 */
async function fuzz(document: string, share: number): Promise<{ report: Report | undefined; text: string }> {
  const report = join(folder, 'report.json');
  await rm(report, { force: true });
  const { stdout, stderr } = await tryRun(
    resolve(program),
    [
      ...['run', document, '--url', url, '--tls-verify', files.ca, '--request-cert', files.cert, '--request-cert-key', files.key],
      ...['--checks', 'no_internal_error', '--continue-on-failure', '--no-shrink', '--max-time', String(share)],
      ...['--request-timeout', '65', '--phases', 'fuzzing', '--suppress-health-check', 'all', '--no-color', '--warnings', 'off'],
      ...['--report', 'json', '--report-json-path', report, '--generation-database', ':memory:'],
    ],
    { timeoutMs: (share + 180) * 1000, cwd: folder, env: { SCHEMATHESIS_HOOKS: hooks } },
  );
  const written = await readFile(report, 'utf8').catch(() => undefined);
  const trouble = stdout.match(/^=+ (?:ERRORS|FAILURES) =+$[\s\S]*?(?=^=+ SUMMARY)/m)?.[0] ?? '';
  return { report: written === undefined ? undefined : (JSON.parse(written) as Report), text: written ? trouble : `${stdout}${stderr}` };
}

interface Document {
  paths: Record<string, Record<string, { responses?: object }>>;
}

const operationsOf = ({ paths }: Document) =>
  Object.values(paths).flatMap((path) =>
    Object.entries(path)
      .filter(([key]) => /^(get|put|post|delete|patch|head|options)$/.test(key))
      .map(([, operation]) => operation),
  );

/** What is not looked at costs a generator more time than what is. */
function withoutProse(document: Document): string {
  for (const operation of operationsOf(document)) operation.responses = { default: { description: '' } };
  return JSON.stringify(document, (key, value) => (key === 'description' && typeof value === 'string' && value !== '' ? undefined : value));
}

async function get(path: string): Promise<string> {
  const { status, body } = await client.request('GET', path);
  if (status !== 200) throw new Error(`${path}: ${status}`);
  return Buffer.from(body).toString();
}

const hooks = new URL('fuzz.py', import.meta.url).pathname;
const { paths } = JSON.parse(await get('/openapi/v3')) as { paths: Record<string, unknown> };
const documents = await Promise.all(
  (wanted.length > 0 ? wanted : Object.keys(paths).map((path) => `/openapi/v3/${path}`)).map(async (path, i) => {
    const document = JSON.parse(await get(path)) as Document;
    const file = join(folder, `document-${i}.json`);
    await writeFile(file, withoutProse(document));
    return { path, file, operations: operationsOf(document).length };
  }),
);
const operations = documents.reduce((sum, document) => sum + document.operations, 0);
let cases = 0;
const troubles: string[] = [];
for (const document of documents.filter((one) => one.operations > 0)) {
  const share = Math.max(5, Math.floor((Number(seconds) * document.operations) / operations));
  const { report, text } = await fuzz(document.file, share);
  const alive = await client.request('GET', '/readyz').catch(() => undefined);
  const found = [
    ...(text ? [text.slice(0, 10_000)] : []),
    ...(report && report.operations.tested < report.operations.selected ? ['operations were left out: more time is needed'] : []),
    ...(alive?.status === 200 ? [] : ['not ready']),
  ];
  troubles.push(...found);
  cases += report?.test_cases.generated ?? 0;
  const done = report && `${report.operations.tested} of ${report.operations.selected} operations, ${report.test_cases.generated} cases`;
  process.stdout.write(`${[`${document.path}: ${done ?? 'no report'}`, ...found].join('\n  ')}\n`);
}
for (const { count, first } of failures.values()) process.stdout.write(`\n${count} x ${first}\n`);
process.stdout.write(
  `\nfuzz: ${documents.length} documents, ${cases} cases, ${failures.size} different failures, ${troubles.length} other troubles\n`,
);
await client.close();
await server.close();
await rm(folder, { recursive: true, force: true });
process.exit(failures.size + troubles.length > 0 ? 1 : 0);
