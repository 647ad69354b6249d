// Objects that every cluster has from the first moment: namespaces, priority classes, the API's own Service.
import { flowControlObjects } from '../../api/kinds/index.ts';
import { isStatusError, type KubeObject, parseApiVersion } from '../../api/meta/index.ts';
import type { Client, Resource } from '../../kit/client/index.ts';
import { reconciled } from './authz/index.ts';
import type { KindTable } from './kind-table.ts';
import { DEFAULT_CIDR } from './services/ip-addresses.ts';

const RBAC = 'rbac.authorization.k8s.io';

const namespace = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const priorityClass = (name: string, value: number, description: string): KubeObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  description,
});

const SYSTEM: readonly KubeObject[] = [
  ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map(namespace),
  priorityClass(
    'system-cluster-critical',
    2000000000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
  priorityClass('system-node-critical', 2000001000, 'Used for system critical pods that must not be moved from their current node.'),
  ...flowControlObjects,
];

/** The object of the configured range. Its finalizer and condition are its controller's. */
export const serviceCidr = (cidr: string): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: DEFAULT_CIDR },
  spec: { cidrs: [cidr] },
});

export interface ApiService {
  /** First address of the service range. */
  clusterIP: string;
  /** Where the API server itself listens, as nodes reach it. */
  advertise: { host: string; port: number };
}

/** The Service `kubernetes` and where it leads. */
function apiService({ clusterIP, advertise }: ApiService): KubeObject[] {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const port = { name: 'https', port: advertise.port, protocol: 'TCP' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kubernetes', namespace: 'default', labels },
      spec: { type: 'ClusterIP', clusterIP, ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: advertise.port }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip: advertise.host }], ports: [port] }],
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [advertise.host], conditions: { ready: true } }],
      ports: [port],
    },
  ];
}

/** Creates what is absent; roles and bindings get what they lack; where the API's own address has changed, its endpoints follow. */
export async function bootstrap(
  client: Client,
  kinds: KindTable,
  more: readonly KubeObject[],
  service: ApiService | undefined,
): Promise<void> {
  const own = service ? apiService(service) : [];
  await Promise.all(SYSTEM.map((object) => ensure(client, kinds, object)));
  await Promise.all([...more, ...own].map((object) => ensure(client, kinds, object)));
  for (const object of own) if (object.kind !== 'Service') await follow(client, resourceOf(kinds, object), object);
}

async function ensure(client: Client, kinds: KindTable, object: KubeObject): Promise<void> {
  const resource = resourceOf(kinds, object);
  try {
    const present = await client.get(resource, object.metadata.name!, { namespace: object.metadata.namespace ?? '' });
    const next = resource.group === RBAC ? reconciled(present, object) : undefined;
    if (next)
      await client.update(resource, next).catch((failure: unknown) => {
        if (!isStatusError(failure, 'Conflict')) throw failure; // another server that starts does the same
      });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    await client.create(resource, object).catch((failure: unknown) => {
      if (!isStatusError(failure, 'AlreadyExists')) throw failure;
    });
  }
}

async function follow(client: Client, resource: Resource, wanted: KubeObject): Promise<void> {
  const present = await client.get(resource, wanted.metadata.name!, { namespace: 'default' });
  const next = { ...present, ...wanted, metadata: { ...present.metadata, labels: wanted.metadata.labels ?? {} } };
  await client.update(resource, next);
}

function resourceOf(kinds: KindTable, object: KubeObject): Resource {
  const { group, version } = parseApiVersion(object.apiVersion!);
  const served = kinds.byKind(group, version, object.kind!);
  if (!served) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
  return served.kind;
}
