// Where a node's agent listens.
import { type KubeObject, notFound, serviceUnavailable } from '../../../api/meta/index.ts';
import type { Reader } from '../request.ts';

const NODES = { group: '', plural: 'nodes' };
const DEFAULT_PORT = 10250;
const PREFERRED = ['InternalIP', 'ExternalIP', 'Hostname'];

export interface NodeAddress {
  host: string;
  /** Of the agent's HTTPS API. */
  port: number;
}

export function addressOf(node: KubeObject): NodeAddress {
  const addresses: { type: string; address: string }[] = node['status']?.addresses ?? [];
  const found = PREFERRED.map((type) => addresses.find((item) => item.type === type)).find((item) => item !== undefined);
  if (!found)
    throw serviceUnavailable(`no preferred addresses found; known addresses: [${addresses.map((item) => item.address).join(' ')}]`);
  return { host: found.address, port: node['status']?.daemonEndpoints?.kubeletEndpoint?.Port || DEFAULT_PORT };
}

export async function nodeAddress(reader: Reader, name: string): Promise<NodeAddress> {
  const node = reader.get(NODES, '', name) ?? (await reader.getFresh(NODES, '', name));
  if (!node) throw notFound(NODES, name);
  return addressOf(node);
}
