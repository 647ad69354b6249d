// The API servers that bench/api.ts compares: ours, and etcd with apiextensions-apiserver, each a fresh folder on loopback.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openStore, type Store } from '../control-plane/store/index.ts';
import { createHttpsClient, type HttpsClient } from '../kit/client/index.ts';
import { type ChildProcess, exitOf, run, start } from '../kit/exec/index.ts';
import { ensurePki, kubeconfig, type Pki } from '../kit/net/index.ts';
import { GiveUp, systemClock, waitFor } from '../kit/run/index.ts';
import { program } from '../rig/programs.ts';

const HOST = '127.0.0.1';
const ETCD = 'go.etcd.io/etcd/server/v3';
const APISERVER = 'k8s.io/apiextensions-apiserver';
const VERSIONS = { [ETCD]: 'v3.6.16', [APISERVER]: 'v0.36.6' };

export interface Server extends AsyncDisposable {
  name: string;
  /** Of what runs now. */
  pids(): number[];
  connect(): HttpsClient;
  /** Until /readyz answers; with what the store holds already. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The store without the server, for filling it. */
  withStore(work: (store: Store) => Promise<void>): Promise<void>;
}

/** What both need: keys, a port, children that end with their server. */
class Place {
  readonly folder: string;
  readonly pki: Pki;
  readonly url: string;
  readonly port: number;
  #children: ChildProcess[] = [];

  private constructor(folder: string, pki: Pki, port: number) {
    this.folder = folder;
    this.pki = pki;
    this.port = port;
    this.url = `https://${HOST}:${port}`;
  }

  static async make(name: string): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), `wherry-bench-${name}-`));
    const pki = await ensurePki(join(folder, 'pki'), { clusterName: 'bench', apiServerIps: ['192.0.2.1', '10.96.0.1'] });
    return new Place(folder, pki, await freePort());
  }

  get pids(): number[] {
    return this.#children.map((child) => child.pid!);
  }

  connect(): HttpsClient {
    const { ca, admin } = this.pki;
    return createHttpsClient({ server: this.url, ca: ca.cert, cert: admin.cert, key: admin.key });
  }

  async spawn(name: string, argv: readonly string[], env: Record<string, string> = {}): Promise<ChildProcess> {
    const log = await open(join(this.folder, `${name}.log`), 'a');
    const child = await start(argv[0]!, argv.slice(1), {
      cwd: this.folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    this.#children.push(child);
    return child;
  }

  /** @throws Error when it is not ready within a minute */
  async ready(path: string): Promise<void> {
    await waitFor({ what: `${this.url}${path}`, timeoutMs: 60_000, everyMs: 5 }, async () => {
      if (this.#children.some((child) => child.exitCode !== null)) throw new GiveUp(`a process has ended: ${await this.#lastWords()}`);
      await using client = disposable(this.connect()); // a new one each time: one that was refused waits for longer and longer
      return (await client.request('GET', path, { timeoutMs: 5000 })).status === 200;
    });
  }

  async #lastWords(): Promise<string> {
    const logs = (await readdir(this.folder)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(logs.map((name) => readFile(join(this.folder, name), 'utf8')));
    return texts.map((text) => text.slice(-500)).join('\n');
  }

  async end(child: ChildProcess): Promise<void> {
    child.kill('SIGTERM');
    await Promise.race([exitOf(child), systemClock.sleep(10_000).then(() => child.kill('SIGKILL'))]);
    this.#children = this.#children.filter((one) => one !== child);
  }

  async endAll(): Promise<void> {
    for (const child of this.#children.toReversed()) await this.end(child);
  }

  async remove(): Promise<void> {
    await this.endAll();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const disposable = (client: HttpsClient) => Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });

/** One that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, HOST, done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** Our control plane without nodes; its controllers and its scheduler run too. */
export async function ours(): Promise<Server> {
  const place = await Place.make('ours');
  const dataDir = join(place.folder, 'data');
  const config = {
    clusterName: 'bench',
    dataDir,
    pkiDir: join(place.folder, 'pki'),
    listen: [{ host: HOST, port: place.port }],
    advertise: { host: '192.0.2.1', port: place.port }, // nobody asks there: loopback is refused
    serviceCIDR: '10.96.0.0/16',
  };
  const file = join(place.folder, 'control-plane.json');
  await writeFile(file, JSON.stringify(config));
  const { argv, env } = await program('control-plane', file);
  return {
    name: 'wherry',
    pids: () => place.pids,
    connect: () => place.connect(),
    async start() {
      await place.spawn('control-plane', argv, env);
      await place.ready('/readyz');
    },
    stop: () => place.endAll(),
    async withStore(work) {
      const store = await openStore({ driver: 'embedded', path: join(dataDir, 'store.db') });
      await work(store);
      await store.close();
    },
    [Symbol.asyncDispose]: () => place.remove(),
  };
}

/** Builds both programs of the peer into `cache` unless they are there (minutes, once). Their paths are absolute: they run in folders of their own. */
export async function buildPeer(folder: string): Promise<{ etcd: string; apiServer: string }> {
  const cache = resolve(folder);
  const programs = { etcd: join(cache, 'etcd'), apiServer: join(cache, 'apiextensions-apiserver') };
  for (const [module, target] of [
    [ETCD, programs.etcd],
    [APISERVER, programs.apiServer],
  ] as const) {
    if (existsSync(target)) continue;
    // A module of our own: `go install` refuses modules that replace others.
    const cwd = `${target}.module`;
    await mkdir(cwd, { recursive: true });
    const go = (...args: string[]) => run('nice', ['go', ...args], { cwd, timeoutMs: 30 * 60_000 });
    await writeFile(join(cwd, 'go.mod'), 'module peer\n');
    await go('get', `${module}@${VERSIONS[module]}`);
    await go('build', '-mod=mod', '-o', target, module);
    await rm(cwd, { recursive: true });
  }
  return programs;
}

/** etcd and the API server for custom resources, without the plug-ins that would ask a Kubernetes behind it. */
export async function peer(programs: { etcd: string; apiServer: string }): Promise<Server> {
  const place = await Place.make('peer');
  const [etcdPort, peerPort] = [await freePort(), await freePort()];
  const endpoint = `http://${HOST}:${etcdPort}`;
  const files = { ca: 'ca.crt', cert: 'server.crt', key: 'server.key', kubeconfig: 'kubeconfig' };
  const { ca, apiServer, admin } = place.pki;
  for (const [name, text] of Object.entries({
    [files.ca]: ca.cert,
    [files.cert]: apiServer.cert,
    [files.key]: apiServer.key,
    [files.kubeconfig]: kubeconfig({ name: 'bench', server: place.url, ca: ca.cert, credentials: admin }),
  }))
    await writeFile(join(place.folder, name), text);
  const etcdArgv = [
    programs.etcd,
    `--data-dir=${join(place.folder, 'etcd')}`,
    `--listen-client-urls=${endpoint}`,
    `--advertise-client-urls=${endpoint}`,
    `--listen-peer-urls=http://${HOST}:${peerPort}`,
    `--initial-advertise-peer-urls=http://${HOST}:${peerPort}`,
    `--initial-cluster=default=http://${HOST}:${peerPort}`,
    '--log-level=error',
  ];
  const serverArgv = [
    programs.apiServer,
    `--etcd-servers=${endpoint}`,
    '--etcd-prefix=/registry',
    `--bind-address=${HOST}`,
    `--secure-port=${place.port}`,
    `--tls-cert-file=${files.cert}`,
    `--tls-private-key-file=${files.key}`,
    `--client-ca-file=${files.ca}`,
    `--kubeconfig=${files.kubeconfig}`,
    `--authentication-kubeconfig=${files.kubeconfig}`,
    `--authorization-kubeconfig=${files.kubeconfig}`,
    '--authentication-skip-lookup',
    '--enable-priority-and-fairness=false',
    '--disable-admission-plugins=NamespaceLifecycle,MutatingAdmissionPolicy,MutatingAdmissionWebhook,ValidatingAdmissionPolicy,ValidatingAdmissionWebhook',
  ];
  const startEtcd = async () => {
    const child = await place.spawn('etcd', etcdArgv);
    await waitFor({ what: 'etcd', timeoutMs: 30_000, everyMs: 5 }, async () => (await fetch(`${endpoint}/health`)).ok);
    return child;
  };
  return {
    name: 'etcd + apiextensions-apiserver',
    pids: () => place.pids,
    connect: () => place.connect(),
    async start() {
      await startEtcd();
      await place.spawn('apiserver', serverArgv);
      await place.ready('/readyz?exclude=informer-sync'); // its informers ask for Services, which it does not serve
    },
    stop: () => place.endAll(),
    async withStore(work) {
      const child = await startEtcd();
      const store = await openStore({ driver: 'etcd', endpoints: [endpoint], prefix: '' });
      await work(store);
      await store.close();
      await place.end(child);
    },
    [Symbol.asyncDispose]: () => place.remove(),
  };
}
