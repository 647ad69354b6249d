// Makes the API server's parts ready to be run as services: store, keys, sockets.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Client } from '../kit/client/index.ts';
import { ensurePki, type Pki } from '../kit/net/index.ts';
import { type Logger, neverFails, type Service, systemClock } from '../kit/run/index.ts';
import {
  createApiServer,
  createSecurity,
  EncryptionReloads,
  identityOf,
  openAudit,
  openTracing,
  readTracing,
  userAgentOf,
} from './apiserver/index.ts';
import { type ControlPlaneConfig, storeConfig } from './config.ts';
import { followedStore, openStore } from './store/index.ts';

export interface ControlPlane {
  apiServer: Service;
  listeners: Service;
  pki: Pki;
  /** In-process client of a program (kube-scheduler) as the user of that name, or as one of its service accounts. */
  clientOf(program: string, userName?: string): Client;
}

export async function openControlPlane(config: ControlPlaneConfig, log: Logger): Promise<ControlPlane> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const firstService = config.serviceCIDR.split('/')[0]!.replace(/\d+$/, (last) => String(Number(last) + 1));
  const pki = await ensurePki(config.pkiDir ?? `${config.dataDir}/pki`, {
    clusterName: config.clusterName,
    apiServerIps: [config.advertise.host, firstService],
  });
  const audit = config.audit && openAudit(config.audit, systemClock, log);
  const tracing = config.tracingFile === undefined ? undefined : await openTracing(readTracing(config.tracingFile));
  const opened = await openStore(storeConfig(config));
  const encryption =
    config.encryptionFile === undefined ? undefined : new EncryptionReloads(`${hostname()}:${config.advertise.port}`, systemClock);
  const told = (error: Error | undefined) => {
    encryption?.count(error);
    tellOfKeys(log, error);
  };
  const store = config.encryptionFile === undefined ? opened : followedStore(opened, config.encryptionFile, told);
  const server = createApiServer({
    store,
    audit,
    encryption,
    maxRequestsInFlight: config.maxRequestsInFlight,
    goawayChance: config.goawayChance,
    shutdownDelayMs: (config.shutdownDelaySeconds ?? 0) * 1000,
    exclusiveStore: config.store?.driver !== 'etcd',
    serviceCIDR: config.serviceCIDR,
    advertise: config.advertise,
    frontProxy: { ca: pki.frontProxyCa.cert, client: pki.frontProxyClient, clientCa: pki.ca.cert },
    security: createSecurity({
      serviceAccountKey: pki.serviceAccountKey,
      kubeletClient: pki.kubeletClient,
      caCert: pki.ca.cert,
      authentication: config.authentication,
      frontProxyCa: pki.frontProxyCa.cert,
      serverUrl: `https://${config.advertise.host}:${config.advertise.port}`,
    }),
    log: log.child({ component: 'apiserver' }),
  });
  const tls = { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCas: [pki.ca.cert, pki.frontProxyCa.cert] };
  return {
    pki,
    clientOf(program, userName = `system:${program}`) {
      const user = identityOf(userName);
      return server.client(user, userAgentOf(program, user));
    },
    apiServer: {
      name: 'apiserver',
      async start() {
        await server.start();
        return {
          failed: neverFails,
          async stop() {
            await server.close();
            await store.close();
            await tracing?.close();
          },
        };
      },
    },
    listeners: {
      name: 'listeners',
      async start() {
        if (config.outerListen?.length) await server.listen({ addresses: config.outerListen, tls });
        if (config.netns) await enterNetns(config.netns);
        await server.listen({ addresses: config.listen, tls });
        return { failed: neverFails, stop: async () => {} };
      },
    },
  };
}

function tellOfKeys(log: Logger, err: Error | undefined): void {
  if (err) log.error({ err }, 'the encryption configuration changed and is not taken over');
  else log.info('the encryption configuration changed');
}

/** The main thread makes all sockets: from here on they belong to that namespace. Those that listen already stay where they are. */
async function enterNetns(path: string): Promise<void> {
  const { CLONE, homeFirst, setns } = await import('../kit/linux/index.ts');
  await homeFirst();
  const fd = openSync(path, 'r');
  try {
    setns(fd, CLONE.NEWNET);
  } finally {
    closeSync(fd);
  }
}
