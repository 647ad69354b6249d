// The priority levels and flow schemas that every cluster has: two of each it cannot be without, the others a suggestion (upstream's).
import type { KubeObject } from '../../meta/index.ts';

const made = (kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind,
  metadata: { name, annotations: { 'apf.kubernetes.io/autoupdate-spec': 'true' } },
  spec,
});

/** `queues` of `handSize`; none: what finds no seat is refused. */
const limited = (name: string, shares: number, lendable: number, queues?: number, handSize?: number): KubeObject =>
  made('PriorityLevelConfiguration', name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: lendable,
      limitResponse: queues === undefined ? { type: 'Reject' } : { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  });

const levels: readonly KubeObject[] = [
  made('PriorityLevelConfiguration', 'exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  limited('catch-all', 5, 0),
  limited('system', 30, 33, 64, 6),
  limited('node-high', 40, 25, 64, 6),
  limited('leader-election', 10, 0, 16, 4),
  limited('workload-high', 40, 50, 128, 6),
  limited('workload-low', 100, 90, 128, 6),
  limited('global-default', 20, 50, 128, 6),
];

const groups = (...names: string[]) => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: string[]) => names.map((name) => ({ kind: 'User', user: { name } }));
const systemAccounts = (...names: string[]) =>
  names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { name, namespace: 'kube-system' } }));

const anyResource = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
const anyPath = { verbs: ['*'], nonResourceURLs: ['*'] };
const everything = { resourceRules: [anyResource], nonResourceRules: [anyPath] };
const leader = { verbs: ['get', 'create', 'update'], namespaces: ['*'] };
const leases = { resourceRules: [{ ...leader, apiGroups: ['coordination.k8s.io'], resources: ['leases'] }] };
const everybody = groups('system:unauthenticated', 'system:authenticated');

type Distinguisher = 'ByUser' | 'ByNamespace' | undefined;
const schema = (
  name: string,
  level: string,
  precedence: number,
  by: Distinguisher,
  subjects: readonly object[],
  rule: object,
): KubeObject =>
  made('FlowSchema', name, {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: precedence,
    ...(by ? { distinguisherMethod: { type: by } } : {}),
    rules: [{ subjects, ...rule }],
  });

const schemas: readonly KubeObject[] = [
  schema('exempt', 'exempt', 1, undefined, groups('system:masters'), everything),
  schema('catch-all', 'catch-all', 10_000, 'ByUser', everybody, everything),
  schema('probes', 'exempt', 2, undefined, everybody, {
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  schema(
    'system-leader-election',
    'leader-election',
    100,
    'ByUser',
    [...users('system:kube-controller-manager', 'system:kube-scheduler'), ...systemAccounts('*')],
    leases,
  ),
  schema(
    'endpoint-controller',
    'workload-high',
    150,
    'ByUser',
    [...users('system:kube-controller-manager'), ...systemAccounts('endpoint-controller', 'endpointslicemirroring-controller')],
    { resourceRules: [{ ...leader, apiGroups: [''], resources: ['endpoints'] }] },
  ),
  schema('workload-leader-election', 'leader-election', 200, 'ByUser', systemAccounts('*'), leases),
  schema('system-node-high', 'node-high', 400, 'ByUser', groups('system:nodes'), {
    resourceRules: [
      { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
      { verbs: ['*'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] },
    ],
  }),
  schema('system-nodes', 'system', 500, 'ByUser', groups('system:nodes'), everything),
  schema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', users('system:kube-controller-manager'), everything),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', users('system:kube-scheduler'), everything),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', systemAccounts('*'), everything),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', groups('system:serviceaccounts'), everything),
  schema('global-default', 'global-default', 9900, 'ByUser', everybody, everything),
];

/** Without these no request has a place: they count even where they are not stored. */
export const isMandatoryFlow = ({ metadata }: KubeObject): boolean => metadata.name === 'exempt' || metadata.name === 'catch-all';

/** Levels before the schemas that lead to them. */
export const flowControlObjects: readonly KubeObject[] = [...levels, ...schemas];
