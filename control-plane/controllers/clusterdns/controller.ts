// Publishes the cluster's DNS: the Service kube-dns and one EndpointSlice with the DNS server of every node's agent.
import type { Node, Service } from '../../../api/gen/types/core.v1.ts';
import type { Endpoint, EndpointSlice } from '../../../api/gen/types/discovery.v1.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';

const NAMESPACE = 'kube-system';
const NAME = 'kube-dns';
const SLICE = 'kube-dns-nodes';
const MANAGED_BY = 'cluster-dns.wherry';
/** Where each agent's DNS server listens (DNS_PORT of agent/dns). */
const AGENT_PORT = 10_053;

const LABELS = { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' };
const PORTS = [
  { name: 'dns', protocol: 'UDP', port: 53 },
  { name: 'dns-tcp', protocol: 'TCP', port: 53 },
];

export const clusterDnsController: Controller = {
  name: 'cluster-dns',
  user: account('cluster-dns'),
  start(context, signal, ready) {
    const { client, informers } = context;
    const { clusterDNS } = context.config;
    if (!clusterDNS) return;
    const nodes = informers.of<Node & KubeObject>(RESOURCES.nodes);
    const services = informers.of<Service & KubeObject>(RESOURCES.services);
    const slices = informers.of<EndpointSlice & KubeObject>(RESOURCES.endpointslices);

    const queue = reconcilerOf('cluster-dns', context, signal, ready, async () => {
      if (!services.get(`${NAMESPACE}/${NAME}`)) await client.create(RESOURCES.services, dnsService(clusterDNS), { namespace: NAMESPACE });
      const wanted = dnsSlice(nodes.list());
      const present = slices.get(`${NAMESPACE}/${SLICE}`);
      if (!present) await client.create(RESOURCES.endpointslices, wanted, { namespace: NAMESPACE });
      else if (JSON.stringify(present.endpoints ?? []) !== JSON.stringify(wanted.endpoints)) {
        const metadata = { ...wanted.metadata, resourceVersion: present.metadata.resourceVersion };
        await client.update(RESOURCES.endpointslices, { ...wanted, metadata }, { namespace: NAMESPACE });
      }
      return done;
    });

    const look = () => queue.add(NAME);
    // Status is written every few seconds: only what goes into the slice counts.
    nodes.on({
      added: look,
      updated: (before, after) => JSON.stringify(endpointOf(before)) !== JSON.stringify(endpointOf(after)) && look(),
      deleted: look,
    });
    const ours = (object: KubeObject) =>
      object.metadata.namespace === NAMESPACE && [NAME, SLICE].includes(object.metadata.name ?? '') && look();
    services.on({ deleted: ours });
    slices.on({ updated: (_, after) => ours(after), deleted: ours });
    look();
  },
};

/** Pure. */
export const dnsService = (clusterIP: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
  // The endpoints carry node hints: each node's clients stay with their own agent while it is well.
  spec: { clusterIP, trafficDistribution: 'PreferSameNode', ports: PORTS.map((port) => ({ ...port, targetPort: AGENT_PORT })) },
});

/** Pure. Nodes in the order of their names, so that equal sets make equal slices. */
export const dnsSlice = (nodes: readonly Node[]) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: SLICE,
    namespace: NAMESPACE,
    labels: { 'kubernetes.io/service-name': NAME, 'endpointslice.kubernetes.io/managed-by': MANAGED_BY },
  },
  addressType: 'IPv4',
  ports: PORTS.map(({ name, protocol }) => ({ name, port: AGENT_PORT, protocol })),
  endpoints: nodes.flatMap((node) => endpointOf(node) ?? []).sort((a, b) => (a.nodeName! < b.nodeName! ? -1 : 1)),
});

/** A node whose agent is silent is no endpoint; one that only says that it is not ready still answers. */
function endpointOf(node: Node): Endpoint | undefined {
  const { name = '' } = node.metadata ?? {};
  const ip = node.status?.addresses?.find((address) => address.type === 'InternalIP' && address.address.includes('.'))?.address;
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  if (!ip || ready === undefined) return undefined;
  return { addresses: [ip], conditions: { ready: ready !== 'Unknown' }, nodeName: name, hints: { forNodes: [{ name }] } };
}
