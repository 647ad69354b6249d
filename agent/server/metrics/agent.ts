// /metrics: the agent itself, by the kubelet's names.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { type Family, processFamilies, sampled } from '../../../kit/metrics/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import type { ContainerStatus } from '../../cri/index.ts';
import type { PodUsage } from '../../stats/index.ts';
import { joined } from './text.ts';

export interface AgentFigures {
  nodeName: string;
  version: string;
  startedMs: number;
  cgroupVersion: 1 | 2;
  pods: readonly Pod[];
  records: readonly ContainerStatus[];
  readySandboxes: number;
  usages: readonly PodUsage[];
  /** Of other parts of the agent. */
  families: readonly Family[];
}

export function agentMetrics(figures: AgentFigures): string {
  const states = Map.groupBy(figures.records, ({ state }) => state);
  const live = figures.pods.filter((pod) => !isFinished(pod));
  return joined([
    sampled(
      'kubelet_active_pods',
      '[ALPHA] The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.',
      'gauge',
      () =>
        [false, true].map((isStatic) => [{ static: String(isStatic) }, live.filter((pod) => isFromFile(pod) === isStatic).length] as const),
    ),
    sampled('kubelet_cgroup_version', '[ALPHA] cgroup version on the hosts.', 'gauge', () => [[{}, figures.cgroupVersion]]),
    sampled(
      'kubelet_container_log_filesystem_used_bytes',
      "[ALPHA] Bytes used by the container's logs on the filesystem.",
      'gauge',
      function* () {
        for (const { pod, containers } of figures.usages)
          for (const { record, logs } of containers) {
            const { namespace = '', name = '', uid = '' } = pod.metadata;
            yield [{ uid, namespace, pod: name, container: record.metadata.name }, logs.bytes] as const;
          }
      },
    ),
    sampled(
      'kubelet_desired_pods',
      '[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.',
      'gauge',
      () =>
        [false, true].map(
          (isStatic) => [{ static: String(isStatic) }, figures.pods.filter((pod) => isFromFile(pod) === isStatic).length] as const,
        ),
    ),
    sampled(
      'kubelet_managed_ephemeral_containers',
      '[ALPHA] Current number of ephemeral containers in pods managed by this kubelet.',
      'gauge',
      () => [[{}, live.reduce((sum, { spec }) => sum + (spec?.ephemeralContainers?.length ?? 0), 0)]],
    ),
    sampled(
      'kubelet_mirror_pods',
      '[ALPHA] The number of mirror pods the kubelet will try to create (one per admitted static pod)',
      'gauge',
      () => [[{}, live.filter(isFromFile).length]],
    ),
    sampled('kubelet_node_name', "[ALPHA] The node's name. The count is always 1.", 'gauge', () => [[{ node: figures.nodeName }, 1]]),
    sampled('kubelet_running_containers', '[ALPHA] Number of containers currently running', 'gauge', () =>
      [...states].map(([container_state, records]) => [{ container_state }, records.length] as const),
    ),
    sampled('kubelet_running_pods', '[ALPHA] Number of pods that have a running pod sandbox', 'gauge', () => [
      [{}, figures.readySandboxes],
    ]),
    ...volumeFamilies(figures.usages),
    ...figures.families,
    sampled('kubernetes_build_info', 'A metric with a constant 1 value labeled by versions.', 'gauge', () => [
      [{ git_version: figures.version, platform: 'linux/amd64' }, 1],
    ]),
    ...processFamilies(figures.startedMs),
  ]);
}

const isFromFile = ({ metadata }: Pod): boolean => metadata.annotations?.['kubernetes.io/config.source'] === 'file';

/** Claims only, as upstream. */
function volumeFamilies(usages: readonly PodUsage[]): Family[] {
  const claimed = usages.flatMap(({ pod, volumes }) =>
    volumes.flatMap((one) => {
      const claim = one.volume.persistentVolumeClaim?.claimName;
      return claim ? [{ labels: { namespace: pod.metadata.namespace ?? '', persistentvolumeclaim: claim }, one }] : [];
    }),
  );
  const family = (name: string, help: string, value: (one: PodUsage['volumes'][number]) => number) =>
    sampled(`kubelet_volume_stats_${name}`, `[ALPHA] ${help}`, 'gauge', () =>
      claimed.map(({ labels, one }) => [labels, value(one)] as const),
    );
  return [
    family('available_bytes', 'Number of available bytes in the volume', ({ fs }) => fs.availableBytes),
    family('capacity_bytes', 'Capacity in bytes of the volume', ({ fs }) => fs.capacityBytes),
    family('inodes', 'Maximum number of inodes in the volume', ({ fs }) => fs.inodes),
    family('inodes_free', 'Number of free inodes in the volume', ({ fs }) => fs.inodesFree),
    family('inodes_used', 'Number of used inodes in the volume', ({ fs }) => fs.inodesUsed),
    family('used_bytes', 'Number of used bytes in the volume', ({ used }) => used.bytes),
  ];
}
