// Who this node is to the cluster (its client certificate) and to those who call it (its serving certificate).
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createHttpsClient, type HttpsClient, readKubeconfig } from '../../kit/client/index.ts';
import { readFileIfExists, writeFileAtomic } from '../../kit/fs/index.ts';
import type { Family } from '../../kit/metrics/index.ts';
import { createCa, issue, type KeyPair, kubeconfig } from '../../kit/net/index.ts';
import { type Clock, type Logger, type Service, untilItSucceeds } from '../../kit/run/index.ts';
import { CertificateMetrics } from './metrics.ts';
import { readPair, usable } from './pair-file.ts';
import type { Wanted } from './request.ts';
import { renew, rotate } from './rotation.ts';

interface IdentityOptions {
  clusterName: string;
  nodeName: string;
  nodeIP: string;
  /** Made here when it is missing and `bootstrapKubeconfig` leads to a cluster that lets this node in. */
  kubeconfig: string;
  bootstrapKubeconfig?: string;
  /** PEM files of the first serving certificate; may be missing. */
  servingCert: string;
  servingKey: string;
  /** Where certificates from the cluster are kept. */
  folder: string;
  /** Ask for new certificates before the present ones end. */
  rotateCertificates: boolean;
  userAgent: string;
  clock: Clock;
  log: Logger;
}

interface ServingCertificate {
  readonly pair: KeyPair;
  /** Called with each that follows. */
  onChange(listener: (pair: KeyPair) => void): void;
}

export interface Identity {
  readonly client: HttpsClient;
  readonly serving: ServingCertificate;
  readonly service: Service;
  /** Of both certificates, for /metrics. */
  readonly families: readonly Family[];
}

/** Waits for the cluster only when it has to be let in first. @throws Error when there is no way to get in */
export async function nodeIdentity(options: IdentityOptions, signal: AbortSignal): Promise<Identity> {
  const { clock, folder, userAgent } = options;
  const [clientFile, servingFile] = [join(folder, 'client.pem'), join(folder, 'serving.pem')];
  const { bootstrapKubeconfig } = options;
  if (bootstrapKubeconfig !== undefined && existsSync(bootstrapKubeconfig) && !(await isLetIn(options, clientFile)))
    await bootstrap(options, bootstrapKubeconfig, clientFile, signal);
  const access = await readKubeconfig(options.kubeconfig);
  const ca = access.ca?.toString();
  const given = access.cert && access.key ? { cert: access.cert.toString(), key: access.key.toString() } : undefined;
  const [kept] = usable([await readPair(clientFile), given], ca, clock.nowMs());
  const present = kept ?? given; // an expired one is for the server to refuse
  const client = createHttpsClient({ ...access, ...present, userAgent });
  const serving = new Serving(await firstServing(options, servingFile, ca));
  const metrics = new CertificateMetrics(clock);
  if (present) metrics.use('client', present);
  metrics.use('server', serving.pair);
  serving.onChange((pair) => metrics.use('server', pair));
  const rotations = new AbortController();
  const common = { client, clock, log: options.log, random: Math.random };
  return {
    client,
    serving,
    families: metrics.families,
    service: {
      name: 'certificates',
      async start() {
        const { promise: failed, reject } = Promise.withResolvers<never>();
        const keep = (of: 'client' | 'server', wanted: Wanted, file: string, pair: KeyPair | undefined, use: (pair: KeyPair) => void) =>
          rotate({ ...common, wanted, file, use, failed: () => metrics.failed(of) }, pair, rotations.signal).catch((error: unknown) => {
            if (!rotations.signal.aborted) reject(error);
          });
        if (options.rotateCertificates) {
          // A client of a token has nothing to renew.
          const change = (pair: KeyPair) => {
            client.useCertificate(pair);
            metrics.use('client', pair);
          };
          if (present) void keep('client', clientWish(options, 'csr-'), clientFile, present, change);
          void keep('server', servingWish(options), servingFile, serving.signed, (pair) => serving.change(pair));
        }
        return { failed, stop: async () => rotations.abort() };
      },
    },
  };
}

/** Whether there is a way in that has not expired. */
async function isLetIn({ kubeconfig: file, clock }: IdentityOptions, clientFile: string): Promise<boolean> {
  try {
    const { ca, cert, key, token } = await readKubeconfig(file);
    const given = cert && key ? { cert: cert.toString(), key: key.toString() } : undefined;
    return token !== undefined || usable([await readPair(clientFile), given], ca?.toString(), clock.nowMs()).length > 0;
  } catch {
    return false; // no such file, or it names one that is not there
  }
}

const subject = ({ nodeName }: IdentityOptions) => ({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] });

const clientWish = (options: IdentityOptions, prefix: string): Wanted => ({
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
  usage: 'client auth',
  names: subject(options),
  prefix,
});

const servingWish = (options: IdentityOptions): Wanted => ({
  signerName: 'kubernetes.io/kubelet-serving',
  usage: 'server auth',
  names: { ...subject(options), dnsNames: [options.nodeName], ips: [options.nodeIP] },
  prefix: 'csr-',
});

/** Lets the node in: with the bootstrap token it asks for its certificate; the kubeconfig is written last. Tries for ever, until `signal`. */
async function bootstrap(options: IdentityOptions, from: string, clientFile: string, signal: AbortSignal): Promise<void> {
  const { clock, log, clusterName, nodeName } = options;
  const access = await readKubeconfig(from);
  const client = createHttpsClient({ ...access, userAgent: options.userAgent });
  try {
    const wish = { client, clock, log, random: Math.random, wanted: clientWish(options, 'node-csr-'), file: clientFile, use: () => {} };
    const onFailure = (error: unknown) => log.warn({ err: error, node: nodeName }, 'the cluster has not let this node in yet');
    await untilItSucceeds({ baseMs: 500, maxMs: 30_000, clock, signal, onFailure }, async () => {
      const [kept] = usable([await readPair(clientFile)], access.ca?.toString(), clock.nowMs());
      if (!kept) await renew(wish, signal);
    });
  } finally {
    await client.close();
  }
  const text = kubeconfig({
    name: clusterName,
    server: access.server,
    ca: access.ca?.toString() ?? '',
    user: nodeName,
    credentials: { file: clientFile },
  });
  await writeFileAtomic(options.kubeconfig, text, { mode: 0o600, durable: true });
}

/** `signed`: by the cluster, and for the node's address of today. */
async function firstServing(options: IdentityOptions, file: string, ca: string | undefined): Promise<{ pair: KeyPair; signed?: KeyPair }> {
  const { clock, nodeIP, nodeName } = options;
  const [cert, key] = await Promise.all([readFileIfExists(options.servingCert), readFileIfExists(options.servingKey)]);
  const given = cert !== undefined && key !== undefined ? { cert, key } : undefined;
  const good = usable([await readPair(file), given], ca, clock.nowMs());
  const signed = good.find((pair) => new X509Certificate(pair.cert).checkIP(nodeIP));
  if (signed) return { pair: signed, signed };
  if (given) return { pair: given };
  // Nobody trusts it; it lets the server listen until the cluster has signed one.
  return {
    pair: issue(createCa(`${nodeName}-ca`, clock.nowMs()), { commonName: nodeName, ips: [nodeIP], usages: ['server'] }, clock.nowMs()),
  };
}

class Serving implements ServingCertificate {
  pair: KeyPair;
  readonly signed: KeyPair | undefined;
  readonly #listeners: ((pair: KeyPair) => void)[] = [];

  constructor({ pair, signed }: { pair: KeyPair; signed?: KeyPair }) {
    this.pair = pair;
    this.signed = signed;
  }

  onChange(listener: (pair: KeyPair) => void): void {
    this.#listeners.push(listener);
  }

  change(pair: KeyPair): void {
    this.pair = pair;
    for (const listener of this.#listeners) listener(pair);
  }
}
