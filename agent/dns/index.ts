// Entry of agent/dns: the cluster's DNS server of this node (docs/decisions/dns.md says how pods get to it).
import type { InformerFactory } from '../../kit/client/index.ts';
import type { Logger, Service } from '../../kit/run/index.ts';
import { answerMessage } from './answer.ts';
import { informerDirectory } from './directory.ts';
import { listenDns } from './server.ts';
import { Upstream } from './upstream.ts';

/** Port of the server on every node's address; the cluster DNS controller publishes it as target of the DNS Service. */
const DNS_PORT = 10_053;

export interface DnsConfig {
  informers: InformerFactory;
  /** Where it listens. */
  nodeIP: string;
  /** Address of the DNS Service, e.g. 10.0.0.10. */
  clusterDNS: string;
  /** e.g. `cluster.local`. */
  clusterDomain: string;
  log: Logger;
  /** Default DNS_PORT. */
  port?: number;
  /** The node's resolver configuration; default /etc/resolv.conf. */
  resolvConf?: string;
}

export function startDns(config: DnsConfig): Service {
  return {
    name: 'dns',
    async start() {
      const { nodeIP, clusterDNS, clusterDomain, port = DNS_PORT, resolvConf } = config;
      const { directory, synced } = informerDirectory(config.informers);
      const upstream = new Upstream({ except: [clusterDNS, nodeIP], ...(resolvConf ? { file: resolvConf } : {}) });
      const zone = { domain: clusterDomain.toLowerCase(), directory, serverIP: clusterDNS };
      await synced; // an empty cache would answer that names do not exist
      const server = await listenDns(nodeIP, port, (message, protocol) => answerMessage(message, protocol, zone, upstream));
      config.log.info({ address: nodeIP, port: server.port }, 'cluster DNS listens');
      return { failed: server.failed, stop: () => server.close() };
    },
  };
}
