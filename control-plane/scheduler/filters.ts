// The list of filters is the documentation: each can refuse a node, the first that does gives the reason.
// Order matters for the message only; a filter must not care what stands above it.
import { requiredOf, untolerated } from '../../kit/placement/index.ts';
import { podAffinity } from './affinity.ts';
import { busy, type Filter, hopeless } from './filter.ts';
import { resources } from './resources.ts';
import { topologySpread } from './spread.ts';

const UNSCHEDULABLE = hopeless('node(s) were unschedulable');
const OTHER_NODE = hopeless("node(s) didn't match the requested node name");
const TAINTED = hopeless('node(s) had untolerated taint(s)');
const NO_AFFINITY = hopeless("node(s) didn't match Pod's node affinity/selector");
const PORTS = busy("node(s) didn't have free ports for the requested pod ports");
const CLAIM_USED = busy('node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod');
const TOO_MANY_VOLUMES = busy('node(s) exceed max volume count');
const OTHER_ZONE = hopeless('node(s) had no available volume zone');
const VOLUME_REFUSALS = {
  none: undefined,
  elsewhere: hopeless("node(s) didn't match PersistentVolume's node affinity"),
  'none-free': hopeless("node(s) didn't find available persistent volumes to bind"),
  full: hopeless('node(s) did not have enough free storage'),
  gone: hopeless('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'),
};

const unschedulable: Filter = {
  name: 'NodeUnschedulable',
  helpedBy: ['node'],
  prepare(pod) {
    const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
    if (!untolerated([taint], pod.tolerations, ['NoSchedule'])) return undefined;
    return ({ node }) => (node?.spec?.unschedulable ? UNSCHEDULABLE : undefined);
  },
};

const nodeName: Filter = {
  name: 'NodeName',
  helpedBy: ['node'],
  prepare(pod) {
    const wanted = pod.pod.spec?.nodeName;
    return wanted ? ({ name }) => (name === wanted ? undefined : OTHER_NODE) : undefined;
  },
};

const taints: Filter = {
  name: 'TaintToleration',
  helpedBy: ['node'],
  prepare:
    ({ tolerations }) =>
    ({ node }) =>
      node?.spec?.taints && untolerated(node.spec.taints, tolerations, ['NoSchedule', 'NoExecute']) ? TAINTED : undefined,
};

const nodeAffinity: Filter = {
  name: 'NodeAffinity',
  helpedBy: ['node'],
  prepare(pod) {
    const matches = requiredOf(pod.pod);
    return matches && (({ node }) => (node && matches(node) ? undefined : NO_AFFINITY));
  },
};

const ports: Filter = {
  name: 'NodePorts',
  helpedBy: ['node', 'pod-gone'],
  prepare({ hostPorts }) {
    if (hostPorts.length === 0) return undefined;
    return (node) => (hostPorts.some((port) => node.portTaken(port)) ? PORTS : undefined);
  },
};

const volumeRestrictions: Filter = {
  name: 'VolumeRestrictions',
  helpedBy: ['pod-gone', 'volume'],
  prepare(pod, cluster) {
    const exclusive = cluster.surroundings.exclusiveClaims(pod);
    return exclusive.some((key) => cluster.isClaimUsed(key)) ? () => CLAIM_USED : undefined;
  },
};

const volumeLimits: Filter = {
  name: 'NodeVolumeLimits',
  helpedBy: ['pod-gone', 'volume'],
  prepare(pod, cluster) {
    const exceeds = cluster.surroundings.tooManyVolumes(pod);
    return exceeds && ((node) => (exceeds(node) ? TOO_MANY_VOLUMES : undefined));
  },
};

const volumeZone: Filter = {
  name: 'VolumeZone',
  helpedBy: ['node', 'volume'],
  prepare(pod, cluster) {
    const isThere = cluster.surroundings.volumes(pod)?.inZone;
    return isThere && (({ node }) => (node && isThere(node) ? undefined : OTHER_ZONE));
  },
};

const volumes: Filter = {
  name: 'VolumeBinding',
  helpedBy: ['node', 'volume'],
  prepare(pod, cluster) {
    const refuses = cluster.surroundings.volumes(pod)?.refuses;
    return refuses && (({ node }) => VOLUME_REFUSALS[node ? (refuses(node) ?? 'none') : 'elsewhere']);
  },
};

export const filters: readonly Filter[] = [
  unschedulable,
  nodeName,
  taints,
  nodeAffinity,
  ports,
  resources,
  volumeRestrictions,
  volumeLimits,
  volumes,
  volumeZone,
  topologySpread,
  podAffinity,
];
