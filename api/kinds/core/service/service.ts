// The Service kind. Addresses and node ports are allocated by the API server, before validation.
import type { Service, ServiceSpec } from '../../../gen/types/core.v1.ts';
import type { KubeObject } from '../../../meta/index.ts';
import { ageColumn, labelsText, nameColumn, string } from '../../columns.ts';
import type { Behaviour } from '../../kind.ts';
import { dropUseless, externallyAccessible, joinClusterIps, keepAllocated } from './update.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from './validate.ts';
import { serviceWarnings } from './warnings.ts';

const serviceOf = (object: KubeObject): Service => object as unknown as Service;
const specOf = (object: KubeObject): ServiceSpec => ((object as { spec?: ServiceSpec }).spec ??= {});

const AFFINITY_SECONDS = 10800;

function defaultSpec(spec: ServiceSpec): void {
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (externallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'ClusterIP' || spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
}

export const service: Behaviour = {
  defaults(object) {
    const spec = specOf(object);
    defaultSpec(spec);
    if (spec.type !== 'LoadBalancer') return;
    for (const ingress of serviceOf(object).status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  },
  prepareForCreate(object) {
    joinClusterIps(specOf(object));
    object['status'] = { loadBalancer: {} };
  },
  prepareForUpdate(object, old) {
    object['status'] = old['status'];
    dropUseless(serviceOf(object), serviceOf(old));
    keepAllocated(specOf(object), specOf(old));
    joinClusterIps(specOf(object), specOf(old));
  },
  validate: (object) => validateService(serviceOf(object)),
  validateUpdate: (object, old) => validateServiceUpdate(serviceOf(object), serviceOf(old)),
  validateSubresource: { status: (object) => validateServiceStatus(serviceOf(object)) },
  warnings: (object) => serviceWarnings(serviceOf(object)),
  nameRule: 'label',
  createOnUpdate: true,
  hasGeneration: false,
  fieldSelectors: {
    'spec.clusterIP': (object) => object['spec']?.clusterIP ?? '',
    'spec.type': (object) => object['spec']?.type ?? '',
  },
  columns: [
    nameColumn,
    string('Type', (object) => object['spec']?.type ?? ''),
    string('Cluster-IP', (object) => object['spec']?.clusterIPs?.[0] ?? '<none>'),
    string('External-IP', (object) => externalIp(serviceOf(object))),
    string('Port(s)', (object) => portsText(specOf(object))),
    ageColumn,
    string('Selector', (object) => labelsText(object['spec']?.selector), true),
  ],
};

function externalIp({ spec = {}, status }: Service): string {
  const own = spec.externalIPs ?? [];
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  if (spec.type !== 'LoadBalancer') return own.join(',') || '<none>';
  const balanced = (status?.loadBalancer?.ingress ?? [])
    .map((ingress) => ingress.ip || ingress.hostname || '')
    .filter((text) => text !== '');
  return [...[...new Set(balanced)].sort(), ...own].join(',') || '<pending>';
}

const portsText = ({ ports = [] }: ServiceSpec): string =>
  ports.map(({ port, nodePort, protocol }) => (nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`)).join(',') || '<none>';
